"""CompreFace's core service: plugins, their names and their version strings; sections as in the contract.

A version string of CompreFace's own is told only where what it stands for answers the same, for its Java side stores
it with every vector and compares (7.5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stubs import stub

from vultus.engine import FaceEngine
from vultus.errors import SettingsError
from vultus.server.app import create_app
from vultus.server.dialects.compreface.plugins import set_up
from vultus.settings import load_settings
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

SFACE = "face_recognition_sface_2021dec"

# 2.3
FACENET = (
    "facenet.FaceDetector,facenet.Calculator,facenet.LandmarksDetector,agegender.AgeDetector,"
    "agegender.GenderDetector,facenet.facemask.MaskDetector,facenet.PoseEstimator"
)
INSIGHTFACE = (
    "insightface.LandmarksDetector,insightface.GenderDetector,insightface.AgeDetector,"
    "insightface.facemask.MaskDetector,insightface.PoseEstimator"
)
MOBILENET = "insightface.FaceDetector@retinaface_mnet025_v1,insightface.Calculator@arcface_mobilefacenet," + INSIGHTFACE
SUBCENTER = "insightface.FaceDetector@retinaface_r50_v1,insightface.Calculator@arcface-r100-msfdrop75," + INSIGHTFACE

# Networks of CompreFace's, of families for which there are stand-ins. The coefficients are those of 3.6.
THEIRS = (
    stub("retinaface_mnet025_v1", "detection", "scrfd")
    + stub(
        "arcface_mobilefacenet",
        "embedding",
        "sface",
        embedding_size="128",
        similarity_coefficients="[1.26538905, 5.552089201]",
    )
    + stub("20180402-114759", "embedding", "arcface")
)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue in which networks of CompreFace's can be had."""
    path = tmp_path_factory.mktemp("catalogue") / "theirs.toml"
    path.write_text(THEIRS)
    return path


def status(client: Any) -> Any:
    return client.get("/status").json()


def versions(client: Any) -> dict[str, str]:
    told: dict[str, str] = status(client)["available_plugins"]
    return told


def find(client: Any, picture: bytes, query: str = "") -> Any:
    return client.post(f"/find_faces?{query}", files={"file": ("photo.jpg", picture, "image/jpeg")}).json()


# 3.2, 7.5: version strings


@pytest.mark.parametrize(
    ("plugins", "detector", "calculator"),
    [
        ("", "vultus.FaceDetector@scrfd_500m_bnkps", "vultus.Calculator@w600k_mbf"),
        (FACENET, "vultus.FaceDetector@scrfd_500m_bnkps", "vultus.Calculator@20180402-114759"),
        (MOBILENET, "vultus.FaceDetector@scrfd_500m_bnkps", "vultus.Calculator@w600k_mbf"),
        (SUBCENTER, "vultus.FaceDetector@scrfd_500m_bnkps", "vultus.Calculator@w600k_mbf"),
        ("vultus.Calculator@sface", "vultus.FaceDetector@scrfd_500m_bnkps", f"vultus.Calculator@{SFACE}"),
        ("insightface.Calculator@sface", "vultus.FaceDetector@scrfd_500m_bnkps", f"vultus.Calculator@{SFACE}"),
        ("vultus.FaceDetector@det_10g", "vultus.FaceDetector@det_10g", "vultus.Calculator@w600k_mbf"),
    ],
)
def test_other_networks_have_version_strings_of_their_own(
    start_app: Callable[..., Any], squares: Squares, plugins: str, detector: str, calculator: str
) -> None:
    """2.3: for the published variants too; ``/status`` and the answers tell the same."""
    server = start_app(compreface_plugins=plugins)
    told = versions(server)
    assert (told["detector"], told["calculator"]) == (detector, calculator)
    assert status(server)["calculator_version"] == calculator
    answer = find(server, squares((1, 2)), "face_plugins=calculator")
    assert answer["plugins_versions"] == {"detector": detector, "calculator": calculator}


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        (FACENET, ["detector", "calculator", "landmarks", "age", "gender", "mask", "pose"]),
        (MOBILENET, ["detector", "calculator", "landmarks", "gender", "age", "mask", "pose"]),
        (SUBCENTER, ["detector", "calculator", "landmarks", "gender", "age", "mask", "pose"]),
        ("facenet.PoseEstimator", ["detector", "calculator", "pose"]),
        ("insightface.PoseEstimator,insightface.Calculator", ["detector", "calculator", "pose"]),
    ],
)
def test_slugs_of_the_published_variants(start_app: Callable[..., Any], plugins: str, expected: list[str]) -> None:
    """2.3, 3.1: detector and calculator are there in any case."""
    assert list(versions(start_app(compreface_plugins=plugins))) == expected


def test_plugins_of_one_class_have_one_version_string(start_app: Callable[..., Any]) -> None:
    """3.2: both mask plugins are ``facemask.MaskDetector`` there; here both are played by another network."""
    told = [
        versions(start_app(compreface_plugins=f"{package}.facemask.MaskDetector", attributes="mask_detector"))["mask"]
        for package in ("facenet", "insightface")
    ]
    assert told == ["vultus.MaskDetector@mask_detector"] * 2


def test_their_own_networks_keep_their_version_strings(start_app: Callable[..., Any], theirs: Path) -> None:
    """3.2, 7.5: with the channels in the order they have there; ``@`` stands only where it was configured."""
    server = start_app(models=theirs, compreface_plugins=MOBILENET, compreface_color="bgr")
    assert versions(server) == {
        "detector": "insightface.FaceDetector@retinaface_mnet025_v1",
        "calculator": "insightface.Calculator@arcface_mobilefacenet",
        "landmarks": "insightface.LandmarksDetector",
        "gender": "insightface.GenderDetector",
        "age": "insightface.AgeDetector",
        "mask": "vultus.MaskDetector@mask_detector",
        "pose": "vultus.PoseEstimator",
    }
    assert status(server)["similarity_coefficients"] == [1.26538905, 5.552089201]
    plain = MOBILENET.replace("@retinaface_mnet025_v1", "").replace("@arcface_mobilefacenet", "")
    told = versions(start_app(models=theirs, compreface_plugins=plain, compreface_color="bgr"))
    assert (told["detector"], told["calculator"]) == ("insightface.FaceDetector", "insightface.Calculator")


def test_their_own_networks_with_channels_put_right_do_not(start_app: Callable[..., Any], theirs: Path) -> None:
    """3.5: vectors of the right order are others, and so is what follows from a detector that sees other colours."""
    told = versions(start_app(models=theirs, compreface_plugins=MOBILENET))
    assert told["detector"] == "vultus.FaceDetector@retinaface_mnet025_v1"
    assert told["calculator"] == "vultus.Calculator@arcface_mobilefacenet"
    assert told["landmarks"] == "vultus.LandmarksDetector"
    assert told["gender"] == "vultus.GenderDetector@genderage_v1"
    assert told["age"] == "vultus.AgeDetector@genderage_v1"


def test_vectors_follow_from_the_detector(start_app: Callable[..., Any], theirs: Path) -> None:
    """7.5: with another's landmarks theirs are not interchangeable."""
    plugins = "insightface.Calculator@arcface_mobilefacenet,insightface.LandmarksDetector"
    told = versions(start_app(models=theirs, compreface_plugins=plugins, compreface_color="bgr"))
    assert told["calculator"] == "vultus.Calculator@arcface_mobilefacenet-bgr"
    assert told["landmarks"] == "vultus.LandmarksDetector"


def test_exchanged_channels_show_in_the_version(start_app: Callable[..., Any], theirs: Path) -> None:
    assert versions(start_app(compreface_color="bgr"))["calculator"] == "vultus.Calculator@w600k_mbf-bgr"
    # FaceNet sees its channels as they are there: exchanged they are no longer its own.
    server = start_app(models=theirs, compreface_plugins="facenet.Calculator", compreface_color="bgr")
    assert versions(server)["calculator"] == "vultus.Calculator@20180402-114759-bgr"


def test_a_network_is_named_by_what_runs(start_app: Callable[..., Any], squares: Squares) -> None:
    """Two networks that both tell gender and age: one counts for both, and both versions name it."""
    told = versions(start_app(compreface_plugins="vultus.GenderDetector@genderage,vultus.AgeDetector@genderage_v1"))
    assert told["gender"].partition("@")[2] == told["age"].partition("@")[2]


# 3.4: names of 2021


def test_gender_and_age_at_once(start_app: Callable[..., Any], squares: Squares) -> None:
    """Slug ``gender_age``, in the nested form that today's Java side reads."""
    server = start_app(compreface_plugins="insightface.GenderAgeDetector")
    assert versions(server)["gender_age"] == "vultus.GenderAgeDetector@genderage_v1"
    answer = find(server, squares((1, 2)), "face_plugins=gender_age")
    assert answer["plugins_versions"].keys() == {"detector", "gender_age"}
    [face] = answer["result"]
    assert face.keys() == {"box", "execution_time", "gender", "age"}
    assert face["age"]["low"] == face["age"]["high"]
    assert face["gender"]["value"] in ("male", "female")
    told = versions(start_app(compreface_plugins="insightface.GenderAgeDetector", compreface_color="bgr"))
    assert told["gender_age"] == "insightface.GenderAgeDetector"


def test_plugins_that_were_renamed(start_app: Callable[..., Any]) -> None:
    server = start_app(compreface_plugins="rude_carnie.AgeDetector,rude_carnie.GenderDetector@21936")
    assert {"age", "gender"} <= versions(server).keys()


# 3.2, 1.7: names that cannot be


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        ("facenet.FaceDetektor", "facenet.FaceDetektor"),
        ("FaceDetector", "FaceDetector"),
        ("facemask.MaskDetector", "facenet.facemask.MaskDetector"),  # the names there are stand in the message
        ("insightface.Calculator@arcface_r200", "arcface_r100_v1"),
        ("vultus.Calculator@nothing", "nothing"),
    ],
)
def test_unknown_plugins_and_networks_end_the_start(client: Any, plugins: str, said: str) -> None:
    """There a wrong name shows at the first request, or in ``/status`` alone."""
    told: list[BaseException] = []
    settings = load_settings(runtime="dummy", streams=1, dialects="compreface", compreface_plugins=plugins)
    with type(client)(create_app(settings, on_failure=told.append)):
        pass
    [error] = told
    assert isinstance(error, SettingsError)
    assert "compreface_plugins" in error.message
    assert said in error.message


# Remarks at the start


def test_substitutes_are_told_of_at_the_start(start_app: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        start_app(compreface_plugins=SUBCENTER)
    for said in (
        "CompreFace's insightface.FaceDetector@retinaface_r50_v1 is played by vultus.FaceDetector@scrfd_500m_bnkps",
        "CompreFace's insightface.Calculator@arcface-r100-msfdrop75 is played by vultus.Calculator@w600k_mbf",
        "CompreFace's facemask.MaskDetector is played by vultus.MaskDetector@mask_detector",
    ):
        assert f"compreface: {said}" in caplog.messages


def test_a_plugin_without_any_network_is_left_out_and_told_of(tmp_path: Path) -> None:
    """Unknown to ``/status`` and passed over in requests, as here, where there are no files."""
    plugins = "facenet.facemask.MaskDetector"
    settings = load_settings(runtime="openvino", offline=True, model_cache=tmp_path, compreface_plugins=plugins)
    with FaceEngine(settings) as engine:
        setup = set_up(engine)
    assert "mask" not in setup.plugins
    assert setup.remarks[-1] == "CompreFace's facemask.MaskDetector is left out: no network here tells what it tells"


def test_where_nothing_is_replaced_nothing_is_said(
    start_app: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        start_app()
    assert not [message for message in caplog.messages if message.startswith("compreface")]


# 7.4: coefficients


def test_coefficients_are_the_catalogues(start_app: Callable[..., Any]) -> None:
    for embedder in ("w600k_mbf", "sface"):
        server = start_app(embedder=embedder)
        told = status(server)["similarity_coefficients"]
        assert told == list(Catalogue.load().model(embedder).similarity_coefficients or ())


def test_without_coefficients_those_of_r100_are_told_with_a_remark(
    start_app: Callable[..., Any], theirs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """3.6."""
    with caplog.at_level(logging.WARNING):
        server = start_app(models=theirs, compreface_plugins="facenet.Calculator")
    assert status(server)["similarity_coefficients"] == [1.23132175, 6.602259425]
    assert any("20180402-114759 has no similarity coefficients" in message for message in caplog.messages)


# 3.5: thresholds


def test_thresholds_are_those_of_the_detector_that_runs(theirs: Path) -> None:
    """0.8 for theirs, unless set; 0.5 for others, whose scores are lower."""
    for plugins, given, expected in (
        (MOBILENET, {}, 0.8),
        (MOBILENET, {"compreface_threshold": 0.7}, 0.7),
        (SUBCENTER, {}, 0.5),
        (FACENET, {}, 0.5),
        ("", {}, 0.5),
    ):
        settings = load_settings(runtime="dummy", streams=1, models=theirs, compreface_plugins=plugins, **given)
        with FaceEngine(settings) as engine:
            assert set_up(engine).profile.threshold == expected
