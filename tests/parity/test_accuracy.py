"""Against ground truth: marked noses, and pairs of Labeled Faces in the Wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.subject import open_engine, present_embedders
from vultus import FaceEngine
from vultus.evaluate import calibration, noses, verification
from vultus.evaluate.verification import Comparisons
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

FACENET = "facenet_20180402-114759"
LEAST_ACCURACY = {"w600k_mbf": 0.994, "face_recognition_sface_2021dec": 0.99, FACENET: 0.99}
# The catalogue promises no share of matches that are found; this shows that its thresholds are of use.
LEAST_GENUINE = {"w600k_mbf": 0.98, "face_recognition_sface_2021dec": 0.95, FACENET: 0.75}
MOST_ALIKE = {"w600k_mbf": 0.001, "face_recognition_sface_2021dec": 0.001, FACENET: 0.006}


def test_every_marked_nose_is_inside_a_box(shared_data: Path, engine: FaceEngine) -> None:
    hits = accuracy.find_noses(noses.read(shared_data / "compreface_samples"), engine).values()
    assert sum(hit.noses for hit in hits) == 46
    assert sum(hit.found for hit in hits) == 46
    assert sum(hit.false for hit in hits) <= 1
    assert sum(hit.doubled for hit in hits) == 0


@pytest.fixture(scope="module", params=list(LEAST_ACCURACY))
def embedder(request: pytest.FixtureRequest, shared_models: Path) -> str:
    """Every embedder for which the catalogue states what was measured here; the second where its file has been had."""
    name = str(request.param)
    if name not in present_embedders():
        pytest.skip(f"needs {name}.onnx: `vultus models pull {name}`")
    return name


@pytest.fixture(scope="module")
def comparisons(shared_data: Path, embedder: str) -> Comparisons:
    with open_engine(embedder=embedder) as engine:
        return accuracy.compare_faces(shared_data / "lfw_aligned", engine)


def test_verification_on_labeled_faces_in_the_wild(comparisons: Comparisons, embedder: str) -> None:
    """Above the bar, and what the catalogue says was measured."""
    result = verification.verify(comparisons)
    assert len(result.accuracies) == 5
    assert result.impostor_pairs == 1500
    assert result.accuracy >= LEAST_ACCURACY[embedder]
    said = float(Catalogue.load().model(embedder).accuracy["LFW, folds 1 to 5"].partition(" %")[0])
    assert 100 * result.accuracy == pytest.approx(said, abs=0.15)


def test_the_catalogues_threshold_keeps_its_promise(comparisons: Comparisons, embedder: str) -> None:
    """A match at the stated threshold is wrong no more often than stated, over all pairs of different people."""
    stated = Catalogue.load().model(embedder).threshold
    assert stated is not None
    assert len(comparisons.all_impostors) > 7_000_000
    assert (comparisons.all_impostors >= stated.cosine).mean() <= stated.false_match_rate
    assert (comparisons.all_genuine >= stated.cosine).mean() >= LEAST_GENUINE[embedder]


def test_the_catalogues_similarity_coefficients_are_those_that_fit(comparisons: Comparisons, embedder: str) -> None:
    """To the places they are stated with, but for what another processor's rounding changes."""
    stated = Catalogue.load().model(embedder).similarity_coefficients
    assert stated is not None
    c0, c1 = calibration.calibrate(comparisons).coefficients
    assert stated[0] == pytest.approx(c0, abs=2e-3)
    assert stated[1] == pytest.approx(c1, rel=0.01)


def test_strangers_seldom_look_alike_to_compreface(comparisons: Comparisons, embedder: str) -> None:
    """With the stated coefficients: its users' first complaint is that different people get 0.9 and more."""
    stated = Catalogue.load().model(embedder).similarity_coefficients
    assert stated is not None
    assert calibration.above(calibration.CONFIDENT, comparisons.all_impostors, stated) < MOST_ALIKE[embedder]
    assert calibration.above(calibration.LIKELY, comparisons.all_genuine, stated) > 0.98
