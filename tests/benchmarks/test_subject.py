"""What is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import subject
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

SFACE = "face_recognition_sface_2021dec"


def test_embedders_are_those_whose_files_are_here_and_always_the_one_with_a_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VULTUS_MODEL_PATH", str(tmp_path))
    monkeypatch.setenv("VULTUS_MODEL_CACHE", str(tmp_path / "cache"))
    assert subject.present_embedders() == ("w600k_mbf",)
    with (tmp_path / f"{SFACE}.onnx").open("wb") as file:
        file.truncate(Catalogue.load().model(SFACE).size)
    assert subject.present_embedders() == ("w600k_mbf", SFACE)
