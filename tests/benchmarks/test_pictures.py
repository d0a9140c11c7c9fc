"""The benchmark pictures, from made-up photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import pictures
from vultus.types import Image

pytestmark = pytest.mark.unit

BOX = (60, 50, 140, 150)


def photograph(value: int) -> Image:
    """A bright oval with the box's proportions on grey."""
    pixels = np.full((200, 200, 3), 60, np.uint8)
    cv2.ellipse(pixels, (100, 100), (40, 50), 0, 0, 360, (value, value, value), -1)
    return pixels


def test_the_mosaic_has_its_size_and_is_always_the_same() -> None:
    faces = [(photograph(200), BOX), (photograph(250), BOX)]
    first = pictures.mosaic(faces)
    assert first.shape == (900, 1600, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, pictures.mosaic(faces))


def test_every_tile_holds_its_face_at_half_to_three_quarters_of_its_height() -> None:
    tile_width, tile_height, columns, rows = 100, 80, 6, 5
    whole = pictures.mosaic([(photograph(230), BOX)], columns * tile_width, rows * tile_height, columns, rows)
    heights = set()
    for y in range(0, rows * tile_height, tile_height):
        for x in range(0, columns * tile_width, tile_width):
            tile = whole[y : y + tile_height, x : x + tile_width, 0].astype(int)
            # The middle column crosses the oval; lit differently, it stays far brighter than its ground.
            bright = np.flatnonzero(tile[:, tile_width // 2] > (int(tile.max()) + int(tile.min())) // 2)
            assert 0.4 * tile_height <= np.ptp(bright) <= 0.8 * tile_height
            heights.add(int(np.ptp(bright)))
    assert len(heights) > 5


def test_the_company_is_all_different(tmp_path: Path) -> None:
    mosaic = tmp_path / "mosaic.jpg"
    cv2.imwrite(str(mosaic), np.random.default_rng(0).integers(0, 255, (900, 1600, 3), np.uint8))
    company = pictures.company(pictures.Pictures(mosaic, mosaic, mosaic), 32)
    decoded = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in company]
    sizes = {np.shape(pixels) for pixels in decoded if pixels is not None}
    assert len(sizes) == 32
