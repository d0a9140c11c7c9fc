"""A face that fills its picture is found on a second, small canvas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from benchmarks.subject import open_engine
from vultus import FaceEngine
from vultus.types import FloatArray
from vultus.types import Image as Pixels

pytestmark = pytest.mark.integration

PORTRAITS = ["001_A.jpg", "002_A.jpg", "003_A.jpg", "004_A.jpg", "005_A.jpg", "006_A.jpg"]


@pytest.fixture(scope="module")
def mixed_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(second_canvas=128) as opened:
        yield opened


def overlap(first: FloatArray, second: FloatArray) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = np.prod(np.maximum(sides, 0))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


def photograph(path: Path) -> Pixels:
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_face_that_fills_the_picture_is_found(
    shared_data: Path, engine: FaceEngine, mixed_engine: FaceEngine, name: str
) -> None:
    whole = photograph(shared_data / "compreface_samples" / name)
    (face,) = engine.detect(whole)
    left, top, right, bottom = np.maximum(face.box, 0).astype(int)
    corner = np.array([left, top], np.float32)
    close = np.ascontiguousarray(whole[top:bottom, left:right])

    assert engine.detect(close) == ()
    (found,) = mixed_engine.detect(close)
    assert found.landmarks is not None
    assert face.landmarks is not None
    assert overlap(found.box + np.tile(corner, 2), face.box) > 0.85
    between_eyes = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
    off = np.linalg.norm(found.landmarks + corner - face.landmarks, axis=1)
    assert off.max() < 0.15 * between_eyes


def test_a_face_that_both_canvases_find_counts_once(
    shared_data: Path, engine: FaceEngine, mixed_engine: FaceEngine
) -> None:
    for name in PORTRAITS:
        whole = photograph(shared_data / "compreface_samples" / name)
        (alone,), (mixed,) = engine.detect(whole), mixed_engine.detect(whole)
        assert overlap(alone.box, mixed.box) > 0.8
