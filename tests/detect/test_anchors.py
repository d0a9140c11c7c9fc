from __future__ import annotations

import numpy as np
import pytest

from vultus.detect.anchors import Anchors, Level, cells
from vultus.types import InputSpec

pytestmark = pytest.mark.unit


def test_anchors_follow_each_other_by_level_row_column_and_side() -> None:
    anchors = Anchors.on_canvas(InputSpec(32, 16), [Level(8, 3.5, (4, 6)), Level(16, 8.0, (20,))])
    first = [[x, y] for y in (3.5, 11.5) for x in (3.5, 11.5, 19.5, 27.5) for _ in range(2)]
    np.testing.assert_array_equal(anchors.centres, [*first, [8, 8], [24, 8]])
    np.testing.assert_array_equal(anchors.sides[:, 0], [4, 6] * 8 + [20] * 2)
    assert anchors.centres.dtype == anchors.sides.dtype == np.float32


def test_points_are_given_in_sides_from_the_centre() -> None:
    anchors = Anchors(np.array([[10, 20], [30, 40]], np.float32), np.array([[4], [8]], np.float32))
    offsets = np.array([[[0.5, -0.5], [0, 0]], [[1, 0], [0, 2]]], np.float32)
    np.testing.assert_array_equal(anchors.points(offsets), [[[12, 18], [10, 20]], [[38, 40], [30, 56]]])


def test_anchors_are_taken_in_the_order_asked() -> None:
    anchors = Anchors.on_canvas(InputSpec(16, 8), [Level(8, 4.0, (16, 32))]).at(np.array([3, 0]))
    np.testing.assert_array_equal(anchors.centres, [[12, 4], [4, 4]])
    np.testing.assert_array_equal(anchors.sides, [[32], [16]])


@pytest.mark.parametrize(("width", "expected"), [(64, 2), (65, 3), (95, 3), (96, 3), (1, 1)])
def test_a_cell_that_only_begins_on_the_canvas_counts(width: int, expected: int) -> None:
    assert cells(InputSpec(width, 32), 32) == (1, expected)
