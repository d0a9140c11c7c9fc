"""Figures of single networks, on a few photographs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models_accuracy import NO_TRUTH, NotMeasured, every, measure
from benchmarks.subject import Options
from vultus.evaluate.verification import Pairs
from vultus.zoo.catalogue import Catalogue

QUICK = Options(quick=True)
CATALOGUE = Catalogue.load()


@pytest.mark.unit
def test_one_pair_of_so_many() -> None:
    names = [f"{number}.jpg" for number in range(10)]
    pairs = Pairs(names, names[::-1], np.arange(10) % 2 == 0, np.arange(10))
    few = every(4, pairs)
    assert (few.first, few.second) == (["0.jpg", "4.jpg", "8.jpg"], ["9.jpg", "5.jpg", "1.jpg"])
    assert (few.same.tolist(), few.fold.tolist()) == ([True, True, True], [0, 4, 8])


@pytest.mark.unit
def test_parts_of_networks_are_not_measured() -> None:
    with pytest.raises(NotMeasured, match="part of another"):
        measure(CATALOGUE.model("mtcnn_rnet"), QUICK)


@pytest.mark.integration
def test_a_detector_finds_the_noses(shared_models: Path, shared_data: Path) -> None:
    items = json.loads((shared_data / "compreface_samples" / "annotations.json").read_text())["noses_xy"]
    marked = sum(len(item["noses"]) for item in [item for item in items if item["include"]][::6])
    figures = measure(CATALOGUE.model("scrfd_500m_bnkps"), QUICK)
    assert figures["noses"] == figures["found"] == figures["best_found"] == marked
    assert figures["false"] == figures["doubled"] == figures["best_false"] == 0
    assert 0.3 < figures["best_threshold"] < 0.9


@pytest.mark.integration
def test_an_embedder_tells_people_apart(shared_models: Path, shared_data: Path) -> None:
    assert measure(CATALOGUE.model("w600k_mbf"), QUICK)["lfw"] >= 0.97


@pytest.mark.integration
def test_attributes_are_measured_by_what_they_tell(shared_models: Path, shared_data: Path) -> None:
    described = measure(CATALOGUE.model("genderage_v1"), QUICK)
    assert described.keys() == {"gender", "age", "adults"}
    assert measure(CATALOGUE.model("antispoof_bin_1.5_128"), QUICK) == {"liveness": 3, "liveness_faces": 3}
    with pytest.raises(NotMeasured, match=NO_TRUTH):
        measure(CATALOGUE.model("2d106det"), QUICK)
