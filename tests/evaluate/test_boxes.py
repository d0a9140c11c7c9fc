"""Overlaps and pairs, on squares whose areas are plain to see."""

from __future__ import annotations

import numpy as np
import pytest

from vultus.evaluate.boxes import cosines, found_boxes, iou, pair
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def boxes(*rows: tuple[float, float, float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_iou_of_squares_that_share_a_quarter() -> None:
    # 10 x 10 squares shifted by 5 and 5 share 25 of 175.
    overlap = iou(boxes((0, 0, 10, 10)), boxes((5, 5, 15, 15), (20, 0, 30, 10)))
    assert overlap.tolist() == [[pytest.approx(25 / 175), 0]]


def test_iou_where_the_corners_are_pixels_of_the_box() -> None:
    # 10 x 10 pixels (0 to 9) and 10 x 10 (5 to 14): 5 x 5 are shared.
    assert iou(boxes((0, 0, 9, 9)), boxes((5, 5, 14, 14)), pixel=1)[0, 0] == pytest.approx(25 / 175)


def test_iou_of_boxes_without_area_is_none() -> None:
    assert iou(boxes((3, 3, 3, 3)), boxes((3, 3, 3, 3))).tolist() == [[0]]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (3, 0)])
def test_iou_of_no_boxes(n: int, m: int) -> None:
    assert iou(np.zeros((n, 4), np.float32), np.zeros((m, 4), np.float32)).shape == (n, m)


def test_pairs_are_made_from_the_closest_on() -> None:
    # The second overlaps both of the first set; the closer one of them gets it, the other gets none.
    mine = boxes((0, 0, 10, 10), (0, 0, 10, 9), (50, 50, 60, 60))
    theirs = boxes((50, 50, 60, 61), (0, 0, 10, 9.5))
    assert sorted(map(tuple, pair(mine, theirs).tolist())) == [(0, 1), (2, 0)]


def test_boxes_that_hardly_overlap_are_no_pair() -> None:
    assert pair(boxes((0, 0, 10, 10)), boxes((0, 6, 10, 16))).shape == (0, 2)


@pytest.mark.parametrize(
    ("found", "marked", "hits"),
    [
        pytest.param(boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10)), [True], id="the very box"),
        pytest.param(boxes((0, 0, 10, 5)), boxes((0, 0, 10, 10)), [True], id="half of it is enough"),
        pytest.param(boxes((0, 0, 10, 4.9)), boxes((0, 0, 10, 10)), [False], id="less is not"),
        pytest.param(boxes((0, 0, 10, 10), (0, 0, 10, 9)), boxes((0, 0, 10, 10)), [True, False], id="found twice"),
        # Both overlap the first marked most, although the second would be close enough to the other.
        pytest.param(
            boxes((0, 0, 10, 10), (0, 0, 10, 11)),
            boxes((0, 0, 10, 10), (0, 0, 10, 19)),
            [True, False],
            id="judged by the closest alone",
        ),
        pytest.param(boxes((0, 0, 1, 1)), boxes(), [False], id="nothing marked"),
        pytest.param(boxes(), boxes((0, 0, 1, 1)), [], id="nothing found"),
    ],
)
def test_found_boxes(found: FloatArray, marked: FloatArray, hits: list[bool]) -> None:
    assert found_boxes(found, marked).tolist() == hits


def test_cosine_does_not_mind_length() -> None:
    assert cosines(np.array([[3, 4]], np.float32), np.array([[30, 40]], np.float32)) == pytest.approx(1, abs=1e-12)
