from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.transform import SimilarityTransform

from vultus.imaging.align import (
    ARCFACE_TEMPLATE,
    TEMPLATE_BOX,
    box_transforms,
    cut_crops,
    face_in_crop,
    similarity_transforms,
    to_picture,
)
from vultus.types import CropSpec, Detection, FloatArray

pytestmark = pytest.mark.unit


def faces(landmarks: FloatArray | None = None, boxes: FloatArray | None = None) -> Detection:
    n = len(landmarks if landmarks is not None else boxes if boxes is not None else ())
    filler = np.zeros((n, 4), np.float32)
    return Detection(filler if boxes is None else boxes, np.ones(n, np.float32), landmarks)


def random_points(seed: int, count: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    return (ARCFACE_TEMPLATE * rng.uniform(0.3, 9) + rng.normal(0, 12, (count, 5, 2)) + 200).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_umeyamas_transform(seed: int) -> None:
    points = random_points(seed, 3)
    expected = [SimilarityTransform.from_estimate(p, ARCFACE_TEMPLATE).params[:2] for p in points]
    np.testing.assert_allclose(similarity_transforms(points, ARCFACE_TEMPLATE), expected, rtol=1e-5, atol=1e-5)


@given(angle=st.floats(-np.pi, np.pi), scale=st.floats(0.05, 20), x=st.floats(-5000, 5000), y=st.floats(-5000, 5000))
def test_an_exact_similarity_is_undone(angle: float, scale: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = ARCFACE_TEMPLATE.astype(np.float64) @ turn.T + [x, y]
    matrix = similarity_transforms(moved[np.newaxis], ARCFACE_TEMPLATE)[0]  # type: ignore[arg-type]
    np.testing.assert_allclose(moved @ matrix[:, :2].T + matrix[:, 2], ARCFACE_TEMPLATE, atol=1e-6)


def test_a_mirrored_face_is_turned_never_reflected() -> None:
    mirrored = (ARCFACE_TEMPLATE * [-1, 1]).astype(np.float32)
    matrix = similarity_transforms(mirrored[np.newaxis], ARCFACE_TEMPLATE)[0]
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_coincide_become_a_shift() -> None:
    matrix = similarity_transforms(np.full((1, 5, 2), 7, np.float32), ARCFACE_TEMPLATE)[0]
    np.testing.assert_array_equal(matrix[:, :2], np.eye(2))
    np.testing.assert_allclose(matrix[:, 2] + 7, ARCFACE_TEMPLATE.mean(axis=0), rtol=1e-6)


def test_a_face_that_lies_as_the_template_is_cut_unchanged() -> None:
    image = np.random.default_rng(1).integers(0, 256, (112, 112, 3), np.uint8)
    crops = cut_crops(image, faces(ARCFACE_TEMPLATE[np.newaxis]), CropSpec("template", 112))
    np.testing.assert_array_equal(crops.pixels[0], image)


def test_a_template_crop_of_another_size_is_the_template_scaled() -> None:
    matrix = cut_crops(
        np.zeros((9, 9, 3), np.uint8), faces(ARCFACE_TEMPLATE[np.newaxis]), CropSpec("template", 224)
    ).matrices[0]
    np.testing.assert_allclose(matrix, [[2, 0, 0], [0, 2, 0]], atol=1e-5)


def test_each_face_gets_its_own_crop_and_outside_is_black() -> None:
    image = np.full((64, 64, 3), 255, np.uint8)
    inside = ARCFACE_TEMPLATE / 4 + 16
    outside = ARCFACE_TEMPLATE + 1000
    crops = cut_crops(image, faces(np.stack([inside, outside])), CropSpec("template", 112)).pixels
    assert crops.shape == (2, 112, 112, 3)
    assert crops[0].all()
    assert not crops[1].any()


def test_a_template_crop_without_landmarks_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="landmarks"):
        cut_crops(np.zeros((9, 9, 3), np.uint8), faces(boxes=np.zeros((1, 4), np.float32)), CropSpec("template", 112))


def test_a_box_crop_holds_the_box_in_its_middle() -> None:
    box = np.array([[100, 50, 140, 110]], np.float32)  # 40 x 60 around (120, 80)
    matrix = box_transforms(box, 1.5, 192)[0]
    np.testing.assert_allclose(matrix @ [120, 80, 1], [96, 96])
    np.testing.assert_allclose(matrix @ [120 - 45, 80 - 45, 1], [0, 0], atol=1e-9)  # the square's side is 1.5 * 60
    np.testing.assert_allclose(matrix @ [120 + 45, 80 + 45, 1], [192, 192])


@pytest.mark.parametrize("box", [[5, 5, 5, 5], [9, 9, 3, 3]])
def test_a_box_without_extent_gives_a_finite_transform(box: list[float]) -> None:
    assert np.isfinite(box_transforms(np.array([box], np.float32), 1.5, 192)).all()


def inverted(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.invertAffineTransform(matrix))


@pytest.mark.parametrize("seed", range(5))
def test_points_go_back_into_the_picture(seed: int) -> None:
    matrices = similarity_transforms(random_points(seed, 4), ARCFACE_TEMPLATE)
    points = np.random.default_rng(seed).uniform(0, 112, (4, 106, 2)).astype(np.float32)
    expected = [cv2.transform(p[np.newaxis], inverted(m))[0] for p, m in zip(points, matrices, strict=True)]
    np.testing.assert_allclose(to_picture(points, matrices), expected, rtol=1e-4, atol=1e-2)


def test_the_face_in_a_box_crop_is_the_box_it_was_cut_by() -> None:
    spec = CropSpec("box", 96, 1.5)
    box = np.array([[100, 50, 160, 110]], np.float32)
    matrix = box_transforms(box, spec.scale, spec.size)[0]
    corners = box.reshape(2, 2) @ matrix[:, :2].T + matrix[:, 2]
    found = face_in_crop(spec)
    np.testing.assert_allclose(found.boxes.reshape(2, 2), corners)
    assert found.landmarks is None


def test_the_face_in_a_template_crop_is_where_the_template_is() -> None:
    found = face_in_crop(CropSpec("template", 224))
    np.testing.assert_allclose(np.asarray(found.landmarks), 2 * ARCFACE_TEMPLATE[np.newaxis])
    np.testing.assert_allclose(found.boxes, 2 * TEMPLATE_BOX[np.newaxis])
