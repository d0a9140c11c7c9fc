"""What holds for every similarity, canvas and set of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.transform import SimilarityTransform

from vultus.detect.detector import rescale, suppress
from vultus.imaging.align import ARCFACE_TEMPLATE, similarity_transforms, to_picture
from vultus.imaging.canvas import lay_on_canvas, sizes
from vultus.types import CanvasRule, Detection

pytestmark = pytest.mark.unit

_pixels = st.floats(-2000, 2000, width=32)
_points = arrays.arrays(np.float32, (5, 2), elements=_pixels)
_fits = st.sampled_from(["truncate", "exact", "rounded"])
_side = st.integers(1, 1200)


def spread(points: np.ndarray) -> bool:
    """Whether the points are far enough apart for a transform to be well defined."""
    return float(np.ptp(points, axis=0).min()) > 5


@settings(deadline=None)
@given(points=_points.filter(spread))
def test_a_similarity_is_the_one_that_scikit_image_finds_where_that_does_not_mirror(points: np.ndarray) -> None:
    reference = SimilarityTransform.from_estimate(points.astype(np.float64), ARCFACE_TEMPLATE.astype(np.float64))
    assert reference
    if np.linalg.det(reference.params[:2, :2]) <= 0 or reference.scale < 1e-4:
        return
    ours = similarity_transforms(points[np.newaxis], ARCFACE_TEMPLATE)[0]
    residual = np.square(points @ ours[:, :2].T + ours[:, 2] - ARCFACE_TEMPLATE).sum()
    theirs = np.square(reference(points) - ARCFACE_TEMPLATE).sum()
    assert residual <= theirs * (1 + 1e-4) + 1e-4


@given(
    points=_points.filter(spread), shift=st.tuples(_pixels, _pixels), turn=st.floats(-3, 3), factor=st.floats(0.2, 5)
)
def test_a_similarity_does_not_care_where_the_face_is_how_large_and_how_turned(
    points: np.ndarray, shift: tuple[float, float], turn: float, factor: float
) -> None:
    """What is left over after alignment is the same, as the template's points do not move."""
    rotation = factor * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = points.astype(np.float64) @ rotation.T + shift
    aligned = []
    for given_points in (points.astype(np.float64), moved):
        matrix = similarity_transforms(given_points[np.newaxis], ARCFACE_TEMPLATE)[0]  # type: ignore[arg-type]
        aligned.append(given_points @ matrix[:, :2].T + matrix[:, 2])
    np.testing.assert_allclose(aligned[0], aligned[1], atol=0.05)


@given(points=_points.filter(spread), crops=arrays.arrays(np.float32, (1, 4, 2), elements=st.floats(0, 112, width=32)))
def test_points_of_a_crop_come_back_to_where_they_were_in_the_picture(points: np.ndarray, crops: np.ndarray) -> None:
    matrices = similarity_transforms(points[np.newaxis], ARCFACE_TEMPLATE)
    if np.linalg.det(matrices[0, :, :2]) < 1e-6:  # a face of kilometres
        return
    back = to_picture(crops, matrices)
    again = back @ matrices[0, :, :2].T + matrices[0, :, 2]
    np.testing.assert_allclose(again, crops, atol=0.1)


@settings(deadline=None, max_examples=60)
@given(
    width=_side,
    height=_side,
    fit=_fits,
    shape=st.sampled_from(["square", "picture"]),
    damped=st.booleans(),
    most=st.sampled_from([None, 1.0]),
)
def test_what_is_found_on_a_canvas_is_where_it_is_in_the_picture(
    width: int, height: int, fit: str, shape: str, damped: bool, most: float | None
) -> None:
    """The picture lies at the top left, whole; its far corner, taken back, is that of the picture within a pixel."""
    damping = {"damp_above": 2.0, "damping": 0.7} if damped else {}
    rule = CanvasRule(320, 256, fit=fit, shape=shape, max_scale=most, **damping)  # type: ignore[arg-type]
    canvas = lay_on_canvas(np.full((height, width, 3), 255, np.uint8), rule)
    assert canvas.pixels.shape[1::-1] in sizes(rule)
    filled = np.asarray(canvas.pixels.all(axis=2))
    across, down = int(filled[0].sum()), int(filled[:, 0].sum())
    assert filled[:down, :across].all()
    assert filled.sum() == down * across
    box = np.array([[0, 0, across, down]], np.float32)
    [corner] = rescale(Detection(box, np.ones(1, np.float32), None), canvas.scale).boxes[:, 2:]
    pixel = 1 / canvas.scale
    assert corner[1] == pytest.approx(height, abs=pixel + 1e-3)
    assert corner[0] == pytest.approx(width, abs=pixel * max(1.0, width / height) + 1e-3)


_edge = st.integers(0, 60)
_boxes = st.lists(st.tuples(_edge, _edge, st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=20)


def detection(boxes: list[tuple[int, int, int, int]], scores: np.ndarray) -> Detection:
    corners = [[left, top, left + width, top + height] for left, top, width, height in boxes]
    return Detection(np.array(corners, np.float32), np.asarray(scores, np.float32), None)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """IoU, by counting pixels: a box from 2 to 5 has four of them."""
    cells = [
        {(x, y) for x in range(int(box[0]), int(box[2]) + 1) for y in range(int(box[1]), int(box[3]) + 1)}
        for box in (first, second)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


@settings(deadline=None, max_examples=50)
@given(boxes=_boxes, seed=st.integers(0, 999), threshold=st.sampled_from([0.2, 0.4, 0.7]))
def test_who_stays_overlaps_nobody_who_stays_and_who_goes_overlaps_a_better_one_that_stays(
    boxes: list[tuple[int, int, int, int]], seed: int, threshold: float
) -> None:
    scores = np.random.default_rng(seed).permutation(len(boxes)) / len(boxes)
    given_faces = detection(boxes, scores)
    kept = suppress(given_faces, threshold)
    assert (np.diff(kept.scores) < 0).all()
    stays = {float(score) for score in kept.scores}
    for place, box in enumerate(kept.boxes):
        assert all(overlap(box, other) <= threshold + 1e-6 for other in kept.boxes[:place])
    for box, score in zip(given_faces.boxes, given_faces.scores, strict=True):
        if float(score) not in stays:
            better = kept.boxes[kept.scores > score]
            assert any(overlap(box, other) > threshold - 1e-6 for other in better)


@given(boxes=_boxes, seed=st.integers(0, 999), shift=st.integers(-500, 500))
def test_suppression_is_done_once_whatever_the_order_and_wherever_the_boxes_are(
    boxes: list[tuple[int, int, int, int]], seed: int, shift: int
) -> None:
    random = np.random.default_rng(seed)
    scores = random.permutation(len(boxes)) / len(boxes)
    faces = detection(boxes, scores)
    kept = suppress(faces, 0.4)
    order = random.permutation(len(boxes))
    for other in (kept, Detection(faces.boxes[order], faces.scores[order], None)):
        again = suppress(other, 0.4)
        np.testing.assert_array_equal(again.boxes, kept.boxes)
        np.testing.assert_array_equal(again.scores, kept.scores)
    moved = suppress(Detection(faces.boxes + np.float32(shift), faces.scores, None), 0.4)
    np.testing.assert_array_equal(moved.boxes, kept.boxes + np.float32(shift))
