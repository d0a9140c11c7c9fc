"""Two pictures in one."""

from __future__ import annotations

import numpy as np
import pytest

from vultus.cli.drawing import side_by_side

pytestmark = pytest.mark.unit


def plain(width: int, height: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_pictures_of_one_height_are_put_beside_each_other_unchanged() -> None:
    row = side_by_side([plain(30, 20, 10), plain(40, 20, 90)])
    gap = row.shape[1] - 70
    assert row.shape == (20, 70 + gap, 3)
    assert gap > 0
    assert (row[:, :30] == 10).all()
    assert (row[:, 30:-40] == 255).all()
    assert (row[:, -40:] == 90).all()


def test_the_taller_is_shrunk_and_keeps_its_aspect() -> None:
    row = side_by_side([plain(30, 20, 10), plain(80, 40, 90)])
    assert row.shape[0] == 20
    assert (row[:, -40:] == 90).all()
    assert not (row[:, -41] == 90).any()


def test_a_sliver_keeps_a_column() -> None:
    row = side_by_side([plain(1, 1000, 10), plain(20, 10, 90)])
    assert (row[:, 0] == 10).all()
