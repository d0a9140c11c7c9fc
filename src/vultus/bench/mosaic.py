"""Pictures of as many faces as one likes, made of a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from vultus.types import Image

SEED = 1

Cut: TypeAlias = tuple[Image, tuple[float, float, float, float]]
"""A photograph, RGB, and the box ``x1, y1, x2, y2`` of a face in it, in pixels."""


def mosaic(faces: Sequence[Cut], width: int, height: int, columns: int, rows: int, count: int | None = None) -> Image:
    """Tiles of faces that fill a picture; the same every time.

    Args:
        faces: What to choose from.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        columns: Of tiles.
        rows: Of tiles.
        count: How many tiles hold a face; the others stay black. ``None``: all.

    Returns:
        RGB uint8 ``(height, width, 3)``.
    """
    random = np.random.default_rng(SEED)
    across = np.linspace(0, width, columns + 1).astype(int)
    down = np.linspace(0, height, rows + 1).astype(int)
    picture = np.zeros((height, width, 3), np.uint8)
    for place in range(columns * rows if count is None else count):
        row, column = divmod(place, columns)
        photograph, box = faces[int(random.integers(len(faces)))]
        size = (int(across[column + 1] - across[column]), int(down[row + 1] - down[row]))
        tile = _tile(photograph, box, size, random)
        picture[down[row] : down[row + 1], across[column] : across[column + 1]] = tile
    return picture


def grid(count: int, width: int, height: int) -> tuple[int, int]:
    """Columns and rows of at least ``count`` tiles that are nearly square."""
    columns = min(count, max(1, round(math.sqrt(count * width / height))))
    return columns, math.ceil(count / columns)


def _tile(
    photograph: Image, box: tuple[float, float, float, float], size: tuple[int, int], random: np.random.Generator
) -> Image:
    """A face at 50 to 75 % of the tile's height, a little off its centre, perhaps mirrored, lighter or darker."""
    x1, y1, x2, y2 = box
    scale = random.uniform(0.5, 0.75) * size[1] / (y2 - y1)
    shift = random.uniform(-0.06, 0.06, 2) * size
    x, y = size[0] / 2 + shift[0] - scale * (x1 + x2) / 2, size[1] / 2 + shift[1] - scale * (y1 + y2) / 2
    warp = np.array([[scale, 0.0, x], [0.0, scale, y]])
    # Blurred by as much as it shrinks, or the warp would alias.
    smooth = cv2.GaussianBlur(photograph, (0, 0), max(0.3 / scale, 0.3))
    warped = cv2.warpAffine(smooth, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    tile = np.asarray(warped, np.float32)
    if random.random() < 0.5:
        tile = tile[:, ::-1]
    lit = tile * random.uniform(0.75, 1.2) + random.uniform(-15, 15)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)
