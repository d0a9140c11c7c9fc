"""Affine warps of pictures, smoothed where they make things much smaller."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vultus.types import Image

_ROUNDING = 1e-6  # of a logarithm: what shrinks to an eighth is to be found to do so
_MARGIN = 2  # pixels around what is shown, of which interpolation and smoothing take part


def warp(image: Image, matrix: NDArray[np.float64], crop: Image, *, smooth: bool = False) -> None:
    """Fill a crop by bilinear interpolation; black where it reaches over the picture.

    Bilinear interpolation looks at four pixels, however many of them a pixel of the crop covers: what is made much
    smaller so depends on which pixels are hit. ``smooth`` averages blocks of 2, 4, 8 ... pixels first, the largest that
    are no larger than a pixel of the crop, as mipmaps do (Williams, "Pyramidal parametrics", 1983).

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        matrix: ``(2, 3)``, picture to crop; whole numbers are centres of pixels.
        crop: RGB uint8 ``(height, width, 3)``, written to.
        smooth: Whether to average.
    """
    if smooth:
        area = abs(float(np.linalg.det(matrix[:, :2])))
        block = block_within(area**-0.5) if 0 < area < 1 else 1
        if block > 1:
            image, matrix = _in_blocks(image, matrix, crop, block)
    cv2.warpAffine(image, matrix, (crop.shape[1], crop.shape[0]), dst=crop)


def on_part(matrix: NDArray[np.float64], part: tuple[float, float]) -> NDArray[np.float64]:
    """The warp as it has to be of the picture at another size; at the same size it is the matrix itself.

    Args:
        matrix: ``(2, 3)``, picture to crop; whole numbers are centres of pixels.
        part: The other width and height, in those of the picture.
    """
    if part == (1.0, 1.0):
        return matrix
    linear = matrix[:, :2] / part
    # The centre of pixel x lies at (x + 1/2) * part - 1/2.
    shift = matrix[:, 2] + linear @ (0.5 - np.asarray(part) / 2)
    return np.column_stack([linear, shift])


def block_within(length: float) -> int:
    """The largest power of two that is no larger than a length in pixels, which is 1 at least."""
    return 1 << int(np.log2(length) + _ROUNDING)


def averaged(image: Image, block: int) -> Image:
    """The picture made smaller by this factor; each pixel is the mean of those it covers. By 1 it is the picture.

    Args:
        image: RGB uint8 ``(h, w, 3)``; by far the fastest where ``block`` divides both sides.
        block: Side of the blocks that become pixels.
    """
    if block == 1:
        return image
    height, width = image.shape[:2]
    size = max(1, width // block), max(1, height // block)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _in_blocks(image: Image, matrix: NDArray[np.float64], crop: Image, block: int) -> tuple[Image, NDArray[np.float64]]:
    """What the crop shows of the picture, blocks made pixels, and the warp of that."""
    height, width = crop.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    shown = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    sides = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(shown.min(axis=0) / block) - _MARGIN, 0, sides // block).astype(int) * block
    high = np.clip((np.ceil(shown.max(axis=0) / block) + _MARGIN) * block, low, sides).astype(int)
    columns, rows = np.maximum((high - low) // block, 1)
    region = image[low[1] : low[1] + rows * block, low[0] : low[0] + columns * block]
    if not region.size:
        return np.zeros((1, 1, 3), np.uint8), matrix
    blocks = averaged(region, block)
    moved = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ low])
    return blocks, on_part(moved, (blocks.shape[1] / region.shape[1], blocks.shape[0] / region.shape[0]))
