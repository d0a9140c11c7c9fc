"""Face by face what insightface finds, with the same networks, canvas and threshold, at f32."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import parity
from benchmarks.parity import Agreement, PictureParity
from benchmarks.pictures import Pictures
from benchmarks.reference_client import Reference
from vultus import FaceEngine
from vultus.evaluate import noses

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def results(shared_data: Path, six_faces: Path, engine: FaceEngine, reference: Reference) -> list[PictureParity]:
    samples = [photograph.path for photograph in noses.read(shared_data / "compreface_samples")]
    return parity.against_reference([six_faces, *samples], engine, reference)


@pytest.fixture(scope="module", params=["from_file", "from_pixels"])
def agreements(results: list[PictureParity], request: pytest.FixtureRequest) -> list[Agreement]:
    """Each side decodes the file itself; or Vultus is given the pixels the reference decoded."""
    return [getattr(result, request.param) for result in results]


def test_there_is_something_to_compare(agreements: list[Agreement]) -> None:
    assert agreements[0].reference_faces == 6
    assert len(agreements) == 19
    assert sum(agreement.reference_faces for agreement in agreements) >= 6 + 46


def test_same_faces(agreements: list[Agreement]) -> None:
    assert [agreement for agreement in agreements if not agreement.same_faces] == []


def test_boxes_and_landmarks_within_a_pixel(agreements: list[Agreement]) -> None:
    for agreement in agreements:
        assert agreement.box_px <= 1, agreement
        assert agreement.landmarks_px <= 1, agreement
        assert agreement.landmarks106_px <= 1, agreement


def test_same_embeddings(agreements: list[Agreement]) -> None:
    assert min(agreement.cosine for agreement in agreements) >= 0.9999


def test_the_benchmark_mosaic_holds_about_117_faces(
    benchmark_pictures: Pictures, engine: FaceEngine, reference: Reference
) -> None:
    (result,) = parity.against_reference([benchmark_pictures.mosaic], engine, reference)
    assert result.from_file.same_faces
    assert 110 <= result.from_file.reference_faces <= 120
    assert result.from_file.box_px <= 1
    assert result.from_file.cosine >= 0.9999
