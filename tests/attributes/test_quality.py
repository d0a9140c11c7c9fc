"""Each part of the score falls when the face is made worse in its way, and says why; photographs: ``tests/parity``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from vultus.attributes.quality import Quality, face_quality
from vultus.imaging.align import ARCFACE_TEMPLATE, template
from vultus.types import FloatArray, Image

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def crop() -> Image:
    """Blotches of many sizes about mid grey, as detailed and contrasted as a face."""
    random = np.random.default_rng(2)
    layers = [cv2.resize(random.normal(0, 22, (side, side)), (112, 112)) for side in (7, 14, 28, 56)]
    grey = np.clip(128 + np.sum(layers, axis=0), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def scaled(crop: Image, factor: float, to: float = 0) -> Image:
    return np.clip((crop.astype(float) - to) * factor + to, 0, 255).round().astype(np.uint8)


def falls(values: Sequence[float]) -> bool:
    return all(later < earlier for earlier, later in itertools.pairwise(values))


FRONT = template(112)


def test_a_good_face_has_a_high_score_and_no_reasons(crop: Image) -> None:
    quality = face_quality(crop, FRONT, 21.5)
    assert quality.score > 0.9
    assert quality.reasons == []
    assert quality.norm == 21.5
    assert quality.luma == pytest.approx(128, abs=12)
    assert quality.eye_distance == pytest.approx(35.24, abs=0.01)


def test_the_score_is_the_product_of_its_parts(crop: Image) -> None:
    bad = face_quality(scaled(np.asarray(cv2.GaussianBlur(crop, (0, 0), 1.5), np.uint8), 0.3), template(40))
    assert 0 < bad.score < 0.3
    assert bad.score == pytest.approx(bad.sharpness * bad.size * bad.pose * bad.brightness)


def test_blur_lowers_sharpness(crop: Image) -> None:
    found = [face_quality(crop, FRONT)]
    found += [face_quality(np.asarray(cv2.GaussianBlur(crop, (0, 0), s), np.uint8), FRONT) for s in (1.2, 2, 3, 4)]
    assert falls([quality.detail for quality in found])
    assert falls([quality.score for quality in found[1:]])  # the first two are as sharp as counts
    assert found[-1].reasons == ["blurred"]
    assert {quality.size for quality in found} == {found[0].size}


def test_sharpness_is_not_misled_by_contrast(crop: Image) -> None:
    assert face_quality(scaled(crop, 0.5, 128), FRONT).detail == pytest.approx(
        face_quality(crop, FRONT).detail, rel=0.1
    )


def test_fewer_pixels_lower_size(crop: Image) -> None:
    found = [face_quality(crop, template(side)) for side in (80, 60, 40, 25, 16)]
    assert falls([quality.size for quality in found[1:]])
    assert found[0].size == 1
    assert "too small" in found[-1].reasons
    assert face_quality(crop, template(8)).score == 0


@pytest.mark.parametrize(
    ("factors", "reason"), [((0.4, 0.3, 0.2, 0.1), "too dark"), ((1.6, 1.8, 2.1, 3), "too bright")]
)
def test_bad_exposure_lowers_brightness(crop: Image, factors: tuple[float, ...], reason: str) -> None:
    found = [face_quality(scaled(crop, factor), FRONT) for factor in factors]
    assert falls([quality.brightness for quality in found])
    assert reason in found[-1].reasons


def test_too_little_contrast_lowers_brightness(crop: Image) -> None:
    found = [face_quality(scaled(crop, factor, 128), FRONT) for factor in (0.5, 0.3, 0.2, 0.1)]
    assert falls([quality.brightness for quality in found])
    assert "too little contrast" in found[-1].reasons


def test_a_turned_head_lowers_pose_but_a_leaning_one_does_not(crop: Image) -> None:
    def nose_moved(by: float) -> FloatArray:
        points = FRONT.copy()
        points[2, 0] += by
        return points

    found = [face_quality(crop, nose_moved(by)) for by in (0, 8, 12, 16)]
    assert falls([quality.pose for quality in found])
    assert found[-1].reasons == ["turned away"]
    leaning = (FRONT - 56) @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32) + 56
    assert face_quality(crop, leaning).pose == pytest.approx(found[0].pose)


def test_landmarks_of_no_face_and_a_flat_crop_have_a_quality(crop: Image) -> None:
    quality = face_quality(np.full((112, 112, 3), 90, np.uint8), np.zeros((5, 2), np.float32))
    assert (quality.score, quality.angle, quality.detail) == (0, None, 0)
    assert {"blurred", "too small", "too little contrast"} <= set(quality.reasons)


def test_all_of_it_can_be_written_as_json(crop: Image) -> None:
    orjson: Any = pytest.importorskip("orjson")
    written = orjson.loads(orjson.dumps(face_quality(crop, ARCFACE_TEMPLATE, 20.0)._asdict()))
    assert set(written) == set(Quality._fields)
