"""Against ground truth: marked noses, and pairs of Labeled Faces in the Wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import accuracy, noses
from benchmarks.accuracy import Comparisons
from vultus import FaceEngine

pytestmark = pytest.mark.integration


def test_every_marked_nose_is_inside_a_box(shared_data: Path, engine: FaceEngine) -> None:
    hits = accuracy.find_noses(noses.read(shared_data / "compreface_samples"), engine).values()
    assert sum(hit.noses for hit in hits) == 46
    assert sum(hit.found for hit in hits) == 46
    assert sum(hit.false for hit in hits) <= 1
    assert sum(hit.doubled for hit in hits) == 0


@pytest.fixture(scope="module")
def comparisons(shared_data: Path, engine: FaceEngine) -> Comparisons:
    return accuracy.compare_faces(shared_data / "lfw_aligned", engine)


def test_verification_on_labeled_faces_in_the_wild(comparisons: Comparisons) -> None:
    result = accuracy.verify(comparisons)
    assert len(result.accuracies) == 5
    assert result.impostor_pairs == 1500
    assert result.accuracy >= 0.994


def test_the_catalogues_threshold_keeps_its_promise(comparisons: Comparisons, engine: FaceEngine) -> None:
    """A match at the stated threshold is wrong no more often than stated, over all pairs of different people."""
    stated = engine.model(str(engine.default_profile.embedder)).threshold
    assert stated is not None
    assert len(comparisons.all_impostors) > 7_000_000
    assert (comparisons.all_impostors >= stated.cosine).mean() <= stated.false_match_rate
    assert (comparisons.all_genuine >= stated.cosine).mean() >= 0.98
