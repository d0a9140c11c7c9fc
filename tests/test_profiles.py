from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.stubs import stub

from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.errors import UnknownModel
from vultus.profiles import default_profile, models_of, needed_by
from vultus.settings import load_settings
from vultus.types import CanvasRule, Plan
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit


@pytest.fixture
def unknown_family(tmp_path: Path) -> Catalogue:
    """The catalogue with a network of a family that nobody has, and a pack with it."""
    file = tmp_path / "mine.toml"
    pack = """[packs.strange]
summary = "Tells fortunes"
detector = "scrfd_500m_bnkps"
embedder = "w600k_mbf"
attributes = ["palmist", "2d106det"]
"""
    file.write_text(stub("palmist", "attributes", "fortune") + pack)
    return Catalogue.load([file])


def test_the_settings_become_a_profile() -> None:
    settings = load_settings(canvas=320, threshold=0.7, nms_threshold=0.3)
    profile = default_profile(settings, Catalogue.load())
    assert (profile.detector, profile.embedder, profile.attributes) == ("scrfd_500m_bnkps", "w600k_mbf", ("2d106det",))
    assert profile.canvas == CanvasRule(320, 320, shape="picture")
    assert not profile.scaled_decode
    assert not profile.smooth_crops
    assert (profile.threshold, profile.nms_threshold) == (0.7, 0.3)


def test_one_network_of_a_pack_can_be_exchanged_by_alias() -> None:
    profile = default_profile(load_settings(detector="yunet"), Catalogue.load())
    assert (profile.detector, profile.embedder) == ("face_detection_yunet_2023mar", "w600k_mbf")


def test_every_network_of_the_packs_can_be_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        profiles = [default_profile(load_settings(pack=pack.name), Catalogue.load()) for pack in Catalogue.load().packs]
    assert ("2d106det", "genderage", "1k3d68") in [profile.attributes for profile in profiles]
    assert caplog.text == ""


def test_what_cannot_be_run_yet_is_left_out_and_said(
    unknown_family: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        profile = default_profile(load_settings(pack="strange"), unknown_family)
    assert profile.attributes == ("2d106det",)
    assert "cannot run palmist" in caplog.text


def test_the_settings_add_attribute_networks_each_once() -> None:
    settings = load_settings(attributes="mask_detector, 2d106det,genderage_v1")
    profile = default_profile(settings, Catalogue.load())
    assert profile.attributes == ("2d106det", "mask_detector", "genderage_v1")


def test_by_default_nothing_tells_gender_or_age() -> None:
    catalogue = Catalogue.load()
    profile = default_profile(load_settings(), catalogue)
    told = {fact for name in profile.attributes for fact in ATTRIBUTE_FAMILIES[catalogue.model(name).family].provides}
    assert told == {"landmarks106"}


def test_what_the_settings_name_is_never_left_out(unknown_family: Catalogue, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        profile = default_profile(load_settings(attributes="palmist"), unknown_family)
    assert "palmist" in profile.attributes  # so that starting it says why it cannot be run
    assert caplog.text == ""


def test_the_networks_of_several_profiles_come_once() -> None:
    catalogue = Catalogue.load()
    profiles = [default_profile(load_settings(pack=pack), catalogue) for pack in ("small", "buffalo_s", "permissive")]
    assert [model.name for model in models_of(profiles, catalogue)] == [
        "scrfd_500m_bnkps",
        "w600k_mbf",
        "2d106det",
        "det_500m",
        "genderage",
        "1k3d68",
        "face_detection_yunet_2023mar",
        "face_recognition_sface_2021dec",
    ]


def test_an_unknown_network_is_an_error() -> None:
    for name in ("detector", "attributes"):
        with pytest.raises(UnknownModel, match="nonsense"):
            default_profile(load_settings(**{name: "nonsense"}), Catalogue.load())


@pytest.mark.parametrize(
    ("plan", "embedder", "attributes"),
    [
        (Plan(), True, False),
        (Plan(embeddings=False), False, False),
        (Plan(embeddings=False, attributes=frozenset({"landmarks106"})), False, True),
        (Plan(attributes=frozenset({"landmarks106"})), True, True),
        # Quality is told by the length of the embedding, among others.
        (Plan(embeddings=False, attributes=frozenset({"quality"})), True, True),
    ],
)
def test_networks_that_a_plan_has_no_use_for_are_left_out(plan: Plan, embedder: bool, attributes: bool) -> None:
    profile = default_profile(load_settings(), Catalogue.load())
    needed = needed_by(plan, profile)
    assert needed.detector == profile.detector
    assert needed.embedder == (profile.embedder if embedder else None)
    assert needed.attributes == (profile.attributes if attributes else ())
