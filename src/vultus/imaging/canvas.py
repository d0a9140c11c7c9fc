"""Laying a picture on the detector's input."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image as PillowImage

from vultus.imaging.warp import averaged, block_within
from vultus.types import Canvas, CanvasRule, Image

_SHORTER = 0.85
_STEP = 32  # pixels: the coarsest stride of detectors


def lay_on_canvas(image: Image, rule: CanvasRule) -> Canvas:
    """Scale a picture to fit, put it top left on black.

    With ``rule.fit == "truncate"`` the scaled size is truncated to whole pixels and the scale is that of the height, as
    InsightFace's detectors do; with ``"exact"`` the factor is applied as it is and the size rounded, as in
    InsightFace-REST; with ``"rounded"`` the picture is stretched to the rounded size, as in CompreFace.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        rule: How to scale.

    Returns:
        The canvas, a new array, and its scale.
    """
    height, width = image.shape[:2]
    factor = min(rule.width / width, rule.height / height)
    if rule.damp_above is not None and factor > rule.damp_above:
        factor *= rule.damping
    if rule.max_scale is not None:
        factor = min(factor, rule.max_scale)
    if factor == 1:
        scaled, scale = image, 1.0
    elif rule.fit == "exact":
        scaled, scale = _resize_exact(image, factor, rule), factor
    elif rule.fit == "rounded":
        scaled, scale = _resize_rounded(image, factor, rule), factor
    else:
        scaled = _resize_truncated(image, factor, rule)
        scale = len(scaled) / height
    height, width = scaled.shape[:2]
    if rule.shape == "picture":
        size = _least(height, rule.height), _least(width, rule.width)
    else:
        size = rule.height, rule.width
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[: scaled.shape[0], : scaled.shape[1]] = scaled
    return Canvas(pixels, scale)


def sides(longest: int) -> list[int]:
    """Lengths that the sides of a canvas may have, ascending: few, as the detector is compiled for each shape.

    Of 640: 544 and 640. Pictures of 4 : 3, 3 : 2, 16 : 9 and most portraits fit in the former. On still less (448) the
    faces of a photograph would stay as they are, but of a crowd's tiny ones the landmarks move by a fifth of a pixel of
    the canvas, which their embeddings show (``python -m benchmarks canvas``).

    Args:
        longest: The longest of them; the other is a multiple of 32.
    """
    return sorted({min(longest, _STEP * -(-int(longest * _SHORTER) // _STEP)), longest})


def sizes(rule: CanvasRule) -> list[tuple[int, int]]:
    """``(width, height)`` of all canvases that ``lay_on_canvas`` makes by a rule, the largest first."""
    if rule.shape == "square":
        return [(rule.width, rule.height)]
    fills = rule.damp_above is None and rule.max_scale is None  # then one side is always the longest
    pairs = [(width, height) for width in reversed(sides(rule.width)) for height in reversed(sides(rule.height))]
    return [pair for pair in pairs if not fills or pair[0] == rule.width or pair[1] == rule.height]


def _least(length: int, longest: int) -> int:
    return next(side for side in sides(longest) if side >= length)


def stretch(image: Image, side: int) -> Image:
    """A picture brought to ``side`` x ``side`` pixels whatever its aspect, by Pillow's bicubic filter.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        side: Pixels.
    """
    resized = PillowImage.fromarray(image).resize((side, side), PillowImage.Resampling.BICUBIC)
    return np.asarray(resized, np.uint8)


def _resize_exact(image: Image, factor: float, rule: CanvasRule) -> Image:
    height, width = image.shape[:2]
    # OpenCV rounds the size itself, but refuses a side that rounds to nothing.
    size = None if min(height, width) * factor >= 1 else _rounded(image, factor)
    image, across, down = _before(image, factor, rule)
    resized = cv2.resize(image, size, fx=factor / across, fy=factor / down, interpolation=_method(factor, rule))
    return np.asarray(resized, np.uint8)


def _resize_rounded(image: Image, factor: float, rule: CanvasRule) -> Image:
    size = _rounded(image, factor)
    resized = cv2.resize(_before(image, factor, rule)[0], size, interpolation=_method(factor, rule))
    return np.asarray(resized, np.uint8)


def _rounded(image: Image, factor: float) -> tuple[int, int]:
    height, width = image.shape[:2]
    return max(1, round(width * factor)), max(1, round(height * factor))


def _resize_truncated(image: Image, factor: float, rule: CanvasRule) -> Image:
    height, width = image.shape[:2]
    aspect = height / width
    # The side that fits is exact; the other follows from the aspect, in the order of operations that InsightFace uses:
    # another order may truncate to one pixel less.
    if factor != min(rule.width / width, rule.height / height):
        size = int(width * factor), int(height * factor)
    elif aspect > rule.height / rule.width:
        size = int(rule.height / aspect), rule.height
    else:
        size = rule.width, int(rule.width * aspect)
    size = max(1, size[0]), max(1, size[1])
    resized = cv2.resize(_before(image, factor, rule)[0], size, interpolation=_method(factor, rule))
    return np.asarray(resized, np.uint8)


def _before(image: Image, factor: float, rule: CanvasRule) -> tuple[Image, float, float]:
    """What is interpolated: the picture or, where it is to be smooth, its blocks; its sides in those of the picture."""
    if rule.shrink != "smooth" or factor >= 1:
        return image, 1.0, 1.0
    height, width = image.shape[:2]
    blocks = averaged(image, block_within(1 / factor))
    return blocks, blocks.shape[1] / width, blocks.shape[0] / height


def _method(factor: float, rule: CanvasRule) -> int:
    return cv2.INTER_AREA if rule.shrink == "area" and factor < 1 else cv2.INTER_LINEAR
