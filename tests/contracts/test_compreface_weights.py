"""CompreFace's core service on its own 18 photographs, with real networks; I1 to P3 are the tests of section 6."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from vultus.evaluate import noses
from vultus.types import FloatArray

pytestmark = pytest.mark.integration

PLUGINS = "calculator,landmarks,gender,age"
VERSIONS = "insightface.GenderDetector,insightface.AgeDetector,insightface.LandmarksDetector"

PERSONS = {
    **dict.fromkeys((f"00{number}_A" for number in range(1, 7)), ("female", 30)),
    **dict.fromkeys(("007_B", "008_B"), ("female", 25)),
    "009_C": ("male", 30),
}
"""Gender and age of the persons, as stated there."""

FIVE_BOXES = np.array(
    [
        [544, 222, 661, 361],
        [421, 236, 530, 369],
        [161, 36, 266, 160],
        [342, 160, 437, 268],
        [243, 174, 352, 309],
    ]
)
"""Of 000_5, as MTCNN draws them there."""


@pytest.fixture(scope="module")
def server(start_app: Callable[..., Any], shared_models: Path) -> Any:
    return start_app(runtime="openvino", model_path=shared_models, offline=True, compreface_plugins=VERSIONS)


def find(server: Any, path: Path, query: str = "") -> Any:
    return server.post(f"/find_faces?{query}", files={"file": (path.name, path.read_bytes())})


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "compreface_samples"


@pytest.fixture(scope="module")
def found(server: Any, folder: Path) -> Mapping[str, Any]:
    """Faces of each photograph by its name, none where the answer says so."""
    return {
        photograph.path.stem: find(server, photograph.path, f"face_plugins={PLUGINS}").json().get("result", [])
        for photograph in noses.read(folder)
    }


def boxes(faces: Any) -> FloatArray:
    names = ("x_min", "y_min", "x_max", "y_max")
    return np.array([[face["box"][name] for name in names] for face in faces], np.float32).reshape(-1, 4)


def test_a_picture_without_faces(server: Any, folder: Path) -> None:
    """I1, 8."""
    answer = find(server, folder / "017_0.jpg")
    assert answer.status_code == 400
    assert answer.json()["message"] == "400 Bad Request: No face is found in the given image"


def test_five_faces_by_area(found: Mapping[str, Any]) -> None:
    """I2: each box within 20 pixels of one of theirs, edge by edge; the largest first."""
    five = boxes(found["000_5"])
    assert len(five) == 5
    apart = np.abs(five[:, np.newaxis] - FIVE_BOXES).max(axis=2)
    assert apart.min(axis=1).max() <= 20
    assert sorted(apart.argmin(axis=1)) == [0, 1, 2, 3, 4]
    areas = ((five[:, 2] - five[:, 0]) * (five[:, 3] - five[:, 1])).tolist()
    assert areas == sorted(areas, reverse=True)


def test_threshold_one(server: Any, folder: Path) -> None:
    """I3, 8."""
    assert find(server, folder / "000_5.jpg", "det_prob_threshold=1").status_code == 400


def test_limit_one_is_the_largest(server: Any, folder: Path, found: Mapping[str, Any]) -> None:
    """9, 5: the same box, and the same vector but for rounding."""
    [face] = find(server, folder / "016_8.jpg", "limit=1&face_plugins=calculator").json()["result"]
    first = found["016_8"][0]
    assert face["box"] == first["box"]
    np.testing.assert_allclose(face["embedding"], first["embedding"], atol=1e-3)


def test_every_nose_has_its_box_and_every_box_its_nose(found: Mapping[str, Any], folder: Path) -> None:
    """P1, 10: their error metric is 0 for each photograph, up to 4912 x 7360."""
    photographs = noses.read(folder)
    assert len(photographs) == 18
    for photograph in photographs:
        count = len(photograph.noses)
        hits = noses.count(boxes(found[photograph.path.stem]), photograph.noses)
        assert (hits.noses, hits.found, hits.false, hits.doubled) == (count, count, 0, 0), photograph.path.stem


def test_landmarks_know_the_noses(found: Mapping[str, Any], folder: Path) -> None:
    """P2; there within 7 % of the box's height, but these boxes are lower than MTCNN's, which has margins of 20 %."""
    for photograph in noses.read(folder):
        for nose in photograph.noses.tolist():
            face = min(found[photograph.path.stem], key=lambda face: math.dist(face["landmarks"][2], nose))
            height = face["box"]["y_max"] - face["box"]["y_min"]
            assert math.dist(face["landmarks"][2], nose) < 0.07 * 1.2 * height, photograph.path.stem


def test_gender_and_age(found: Mapping[str, Any]) -> None:
    """P3: a network that tells an age, not a range: a few years off it may be."""
    off = []
    for name, (gender, age) in PERSONS.items():
        [face] = found[name]
        assert face["gender"] == {"value": gender, "probability": 1.0}, name
        off.append(abs(face["age"]["low"] - age))
    assert max(off) <= 8
    assert sum(off) / len(off) <= 4


def similarity(server: Any, one: Any, other: Any) -> float:
    """As Java computes it (7.4)."""
    c0, c1 = server.get("/status").json()["similarity_coefficients"]
    a, b = (np.array(face["embedding"]) for face in (one, other))
    distance = np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b))
    return float((math.tanh((c0 - distance) * c1) + 1) / 2)


def test_persons(server: Any, found: Mapping[str, Any]) -> None:
    """I4, I5, each two of the nine pictures of three persons: above 0.5 for one person, below for two."""
    for one, other in itertools.combinations(PERSONS, 2):
        told = similarity(server, found[one][0], found[other][0])
        assert (told > 0.5) == (one[-1] == other[-1]), (one, other)


def test_exchanged_channels(
    start_app: Callable[..., Any], shared_models: Path, folder: Path, found: Mapping[str, Any]
) -> None:
    """3.5: ``compreface_color=bgr`` gives other vectors; networks of CompreFace's own then have its version strings."""
    given = {"model_path": shared_models, "offline": True, "compreface_plugins": VERSIONS}
    server = start_app(runtime="openvino", compreface_color="bgr", **given)
    content = find(server, folder / "009_C.jpg", "face_plugins=calculator,gender,age").json()
    [face], [usual] = content["result"], found["009_C"]
    versions = content["plugins_versions"]
    assert versions["calculator"] == "vultus.Calculator@w600k_mbf-bgr"
    assert (versions["gender"], versions["age"]) == ("insightface.GenderDetector", "insightface.AgeDetector")
    assert face["box"] == usual["box"]  # the detector is not theirs, and sees colours as they are
    a, b = (np.array(one["embedding"]) for one in (face, usual))
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) < 0.99


def test_exchanged_channels_are_those_of_an_exchanged_picture(
    server: Any, start_app: Callable[..., Any], shared_models: Path, folder: Path
) -> None:
    """3.5: what the network sees is the picture with red for blue."""
    path = folder / "009_C.jpg"
    with PillowImage.open(path) as picture, io.BytesIO() as file:
        red, green, blue = picture.convert("RGB").split()
        PillowImage.merge("RGB", (blue, green, red)).save(file, "PNG")
        exchanged = file.getvalue()
    given = {"model_path": shared_models, "offline": True, "compreface_plugins": VERSIONS}
    bgr = start_app(runtime="openvino", compreface_color="bgr", **given)
    answers = [
        client.post("/find_faces?detect_faces=false&face_plugins=calculator", files={"file": ("a", data)}).json()[
            "result"
        ][0]["embedding"]
        for client, data in ((server, exchanged), (bgr, path.read_bytes()))
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)
