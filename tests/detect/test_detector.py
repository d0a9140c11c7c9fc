from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.detect.detector import MAX_CANDIDATES, areas, clip, foreign, rescale, suppress, survivors, take
from vultus.runtime.network import NetworkSpec
from vultus.types import Detection, InputSpec

pytestmark = pytest.mark.unit


def detection(boxes: Sequence[Sequence[float]], scores: Sequence[float]) -> Detection:
    return Detection(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), None)


def overlap(a: list[float], b: list[float]) -> float:
    """IoU with the convention that a box from x1 to x2 is x2 - x1 + 1 wide, straight from the definition."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    shared = width * height
    area = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return shared / (sum(area) - shared)


def by_definition(boxes: list[list[float]], scores: list[float], threshold: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(overlap(boxes[index], boxes[other]) <= threshold for other in kept):
            kept.append(index)
    return kept


def test_a_weaker_box_that_overlaps_goes_and_a_distant_one_stays() -> None:
    found = suppress(detection([[0, 0, 9, 9], [1, 0, 10, 9], [50, 50, 59, 59]], [0.8, 0.9, 0.7]), 0.4)
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    np.testing.assert_array_equal(found.boxes, [[1, 0, 10, 9], [50, 50, 59, 59]])


def test_one_pixel_is_added_to_each_side() -> None:
    # 10 x 10 boxes, shifted by 5: 50 / 150 with the added pixel; 36 / 126 = 0.29 without.
    boxes, scores = [[0, 0, 9, 9], [5, 0, 14, 9]], [0.9, 0.8]
    assert len(suppress(detection(boxes, scores), 0.334)) == 2
    assert len(suppress(detection(boxes, scores), 0.332)) == 1


def test_an_overlap_equal_to_the_threshold_stays() -> None:
    # 4 x 4 boxes, one inside an 8 x 4: exactly one half.
    assert len(suppress(detection([[0, 0, 7, 3], [0, 0, 3, 3]], [0.9, 0.8]), 0.5)) == 2


def test_a_box_that_was_dropped_drops_no_other() -> None:
    # B overlaps A and C; A and C do not overlap: C stays though B, which scores between, is like it.
    found = suppress(detection([[0, 0, 9, 9], [6, 0, 15, 9], [12, 0, 21, 9]], [0.9, 0.8, 0.7]), 0.2)
    np.testing.assert_allclose(found.scores, [0.9, 0.7])


def test_equal_scores_keep_their_order() -> None:
    found = suppress(detection([[40, 0, 49, 9], [0, 0, 9, 9], [80, 0, 89, 9]], [0.5, 0.5, 0.5]), 0.4)
    np.testing.assert_array_equal(found.boxes[:, 0], [40, 0, 80])


def test_a_small_box_in_a_large_one_overlaps_it_by_all_of_its_own_area() -> None:
    boxes, scores = np.array([[0, 0, 99, 99], [40, 40, 49, 49], [95, 0, 104, 9]]), np.array([0.9, 0.8, 0.7], np.float32)
    np.testing.assert_array_equal(survivors(boxes, scores, 0.5), [0, 1, 2])  # 1 % and 0.5 % of the union
    np.testing.assert_array_equal(survivors(boxes, scores, 0.5, "smaller"), [0, 2])  # exactly half of it stays
    np.testing.assert_array_equal(survivors(boxes, scores, 0.49, "smaller"), [0])
    np.testing.assert_array_equal(survivors(boxes, scores, 1.0, "smaller"), [0, 1, 2])


def test_landmarks_follow_their_boxes() -> None:
    points = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [20, 0, 29, 9]], np.float32)
    found = suppress(Detection(boxes, np.array([0.2, 0.3, 0.9], np.float32), points), 0.4)
    assert found.landmarks is not None
    np.testing.assert_array_equal(found.landmarks, points[[2, 1]])


def test_nothing_in_nothing_out() -> None:
    assert len(suppress(detection([], []), 0.4)) == 0


def test_a_flood_of_boxes_is_cut_to_the_best() -> None:
    count = MAX_CANDIDATES + 10
    boxes = [[20 * i, 0, 20 * i + 9, 9] for i in range(count)]
    found = suppress(detection(boxes, list(np.linspace(0.1, 0.9, count))), 0.4)
    assert len(found) == MAX_CANDIDATES
    assert found.scores[0] == pytest.approx(0.9)


_side = st.integers(1, 40)
_box = st.tuples(st.integers(-20, 60), st.integers(-20, 60), _side, _side).map(
    lambda b: [float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3])]
)


@given(boxes=st.lists(_box, max_size=25), threshold=st.sampled_from([0.1, 0.35, 0.6, 0.9]), seed=st.integers(0, 99))
def test_it_is_greedy_suppression_by_definition(boxes: list[list[float]], threshold: float, seed: int) -> None:
    scores = [float(score) for score in np.random.default_rng(seed).permutation(len(boxes)) / 100]
    found = suppress(detection(boxes, scores), threshold)
    kept = by_definition(boxes, scores, threshold)
    np.testing.assert_array_equal(found.boxes, np.array([boxes[i] for i in kept], np.float32).reshape(-1, 4))


def test_rescale_divides_boxes_and_landmarks() -> None:
    points = np.full((1, 5, 2), 10, np.float32)
    found = rescale(Detection(np.array([[2, 4, 6, 8]], np.float32), np.ones(1, np.float32), points), 0.5)
    np.testing.assert_array_equal(found.boxes, [[4, 8, 12, 16]])
    assert found.landmarks is not None
    assert (found.landmarks == 20).all()


def test_take_picks_in_the_given_order() -> None:
    found = take(detection([[0, 0, 1, 1], [2, 2, 3, 3]], [0.1, 0.2]), [1, 0])
    np.testing.assert_allclose(found.scores, [0.2, 0.1])
    assert found.landmarks is None


def test_areas_of_boxes_and_of_one_turned_inside_out() -> None:
    np.testing.assert_array_equal(areas(detection([[0, 0, 2, 3], [5, 5, 1, 1]], [1, 1])), [6, 0])


def test_rescale_may_differ_across_and_down() -> None:
    points = np.full((1, 5, 2), 10, np.float32)
    found = rescale(Detection(np.array([[2, 4, 6, 8]], np.float32), np.ones(1, np.float32), points), (2, 0.5))
    np.testing.assert_array_equal(found.boxes, [[1, 8, 3, 16]])
    np.testing.assert_array_equal(found.landmarks, np.full((1, 5, 2), [5, 20]))


def test_clip_cuts_boxes_off_at_the_edges() -> None:
    found = clip(detection([[-5, -5, 3, 4], [8, 2, 20, 30], [-9, 0, -3, 5]], [0.9, 0.8, 0.7]), 10, 20)
    np.testing.assert_array_equal(found.boxes, [[0, 0, 3, 4], [8, 2, 10, 20], [0, 0, 0, 5]])
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.7])


def test_outputs_of_another_family_are_told_by_their_shapes_and_the_canvas() -> None:
    spec = NetworkSpec("probe", InputSpec(64, 32), ("a", "b"))
    error = foreign(spec, (np.zeros((1, 8, 2)), np.zeros(5)), "SCRFD")
    assert error.message == "probe answers with shapes [1, 8, 2], [5], which are not SCRFD's at 64x32."
