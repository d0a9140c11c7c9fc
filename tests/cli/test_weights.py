"""Which networks a service that moves here would use."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.cli.compose import Service
from vultus.cli.weights import check_weights

pytestmark = pytest.mark.unit

NOWHERE = Service("", "", {})


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_networks_of_the_settings_each_once() -> None:
    values = {"pack": "buffalo_sc", "detector": "scrfd_10g_bnkps", "embedder": "glintr100"}
    weights, notes, problems = check_weights(values, NOWHERE)
    assert [weight.name for weight in weights] == ["det_10g", "glintr100"]
    assert notes == problems == []
    assert all("missing: fetched" in weight.cells[3] for weight in weights)


def test_every_unknown_network_is_told_and_the_others_are_listed() -> None:
    values = {"pack": "buffalo_sc", "detector": "no_detector", "embedder": "w600k_mbf", "attributes": ("no_facts",)}
    weights, _, problems = check_weights(values, NOWHERE)
    assert [problem.partition(":")[0] for problem in problems] == ["VULTUS_DETECTOR", "VULTUS_ATTRIBUTES"]
    assert "w600k_mbf" in [weight.name for weight in weights]


def test_plugins_whose_networks_cannot_be_had_are_noted() -> None:
    plugins = ("insightface.Landmarks2d106Detector", "facenet.PoseEstimator")
    weights, notes, problems = check_weights({"pack": "buffalo_sc", "compreface_plugins": plugins}, NOWHERE)
    assert "2d106det" in [weight.name for weight in weights]
    assert notes == problems == []
    _, notes, _ = check_weights({"compreface_plugins": ("agegender.AgeDetector",)}, NOWHERE)
    assert len(notes) == 1
    assert notes[0].startswith("agegender.AgeDetector: ")


def test_an_unknown_plugin_is_a_problem() -> None:
    _, _, problems = check_weights({"compreface_plugins": ("klingon.FaceDetector",)}, NOWHERE)
    assert any("klingon.FaceDetector" in problem for problem in problems)
