"""Pictures of many faces, from made-up photographs."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ovals import BOX, photograph

from vultus.bench.mosaic import grid, mosaic

pytestmark = pytest.mark.unit


def test_the_mosaic_has_its_size_and_is_always_the_same() -> None:
    faces = [(photograph(200), BOX), (photograph(250), BOX)]
    first = mosaic(faces, 1600, 900, 13, 9)
    assert first.shape == (900, 1600, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, mosaic(faces, 1600, 900, 13, 9))


def test_every_tile_holds_its_face_at_half_to_three_quarters_of_its_height() -> None:
    tile_width, tile_height, columns, rows = 100, 80, 6, 5
    whole = mosaic([(photograph(230), BOX)], columns * tile_width, rows * tile_height, columns, rows)
    heights = set()
    for y in range(0, rows * tile_height, tile_height):
        for x in range(0, columns * tile_width, tile_width):
            tile = whole[y : y + tile_height, x : x + tile_width, 0].astype(int)
            # The middle column crosses the oval; lit differently, it stays far brighter than its ground.
            bright = np.flatnonzero(tile[:, tile_width // 2] > (int(tile.max()) + int(tile.min())) // 2)
            assert 0.4 * tile_height <= np.ptp(bright) <= 0.8 * tile_height
            heights.add(int(np.ptp(bright)))
    assert len(heights) > 5


def test_tiles_beyond_the_count_stay_black() -> None:
    whole = mosaic([(photograph(230), BOX)], 300, 200, 3, 2, count=4)
    tiles = [
        whole[100 * row : 100 * row + 100, 100 * column : 100 * column + 100] for row in (0, 1) for column in range(3)
    ]
    assert [bool(tile.any()) for tile in tiles] == [True] * 4 + [False] * 2


@pytest.mark.parametrize(("count", "size"), [(1, (640, 480)), (10, (1280, 720)), (100, (1600, 900)), (7, (100, 900))])
def test_a_grid_has_room_for_all_and_no_row_too_many(count: int, size: tuple[int, int]) -> None:
    columns, rows = grid(count, *size)
    assert columns * rows >= count > columns * (rows - 1)
    aspect = (size[0] / columns) / (size[1] / rows)
    assert 0.3 < aspect < 2
