from __future__ import annotations

import logging

import pytest

from vultus.errors import UnknownModel
from vultus.profiles import default_profile, models_of
from vultus.settings import load_settings
from vultus.types import CanvasRule
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit


def test_the_settings_become_a_profile() -> None:
    settings = load_settings(canvas=320, threshold=0.7, nms_threshold=0.3)
    profile = default_profile(settings, Catalogue.load())
    assert (profile.detector, profile.embedder, profile.attributes) == ("scrfd_500m_bnkps", "w600k_mbf", ("2d106det",))
    assert profile.canvas == CanvasRule(320, 320)
    assert (profile.threshold, profile.nms_threshold) == (0.7, 0.3)


def test_one_network_of_a_pack_can_be_exchanged_by_alias() -> None:
    profile = default_profile(load_settings(detector="yunet"), Catalogue.load())
    assert (profile.detector, profile.embedder) == ("face_detection_yunet_2023mar", "w600k_mbf")


def test_what_cannot_be_run_yet_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        profile = default_profile(load_settings(pack="buffalo_l"), Catalogue.load())
    assert profile.attributes == ("2d106det",)
    assert "genderage, 1k3d68" in caplog.text


def test_the_networks_of_several_profiles_come_once() -> None:
    catalogue = Catalogue.load()
    profiles = [default_profile(load_settings(pack=pack), catalogue) for pack in ("small", "buffalo_s", "permissive")]
    assert [model.name for model in models_of(profiles, catalogue)] == [
        "scrfd_500m_bnkps",
        "w600k_mbf",
        "2d106det",
        "det_500m",
        "face_detection_yunet_2023mar",
        "face_recognition_sface_2021dec",
    ]


def test_an_unknown_network_is_an_error() -> None:
    with pytest.raises(UnknownModel, match="nonsense"):
        default_profile(load_settings(detector="nonsense"), Catalogue.load())
