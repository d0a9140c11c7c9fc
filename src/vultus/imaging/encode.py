"""Pixels to bytes."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg

from vultus.errors import UnsupportedFormat
from vultus.types import Image

WRITABLE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""Endings of the file names that ``encode`` knows, in lower case."""

_MAX_SIDE = {"JPEG": 65_500, "WebP": 16_383}  # of the encoders, in pixels


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """A JPEG in full chroma resolution.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        quality: 1 to 100.

    Raises:
        UnsupportedFormat: A side is longer than JPEG allows.
    """
    _check_sides(image, "JPEG")
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "444"))


def encode_png(image: Image) -> bytes:
    """A PNG of RGB uint8 ``(h, w, 3)``, without loss."""
    return _encode(image, ".png", [])


def encode(image: Image, suffix: str, quality: int = 95) -> bytes:
    """A picture in the format that a file name's suffix stands for.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        suffix: One of ``WRITABLE_SUFFIXES``, in either case.
        quality: 1 to 100, where the format loses any.

    Raises:
        UnsupportedFormat: The suffix is another, or a side is longer than the format allows.
    """
    match suffix.lower():
        case ".jpg" | ".jpeg":
            return encode_jpeg(image, quality)
        case ".png":
            return encode_png(image)
        case ".webp":
            _check_sides(image, "WebP")
            return _encode(image, ".webp", [cv2.IMWRITE_WEBP_QUALITY, quality])
        case _:
            raise UnsupportedFormat(f"pictures cannot be written as {suffix!r}; use {' or '.join(WRITABLE_SUFFIXES)}")


def _encode(image: Image, suffix: str, options: list[int]) -> bytes:
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()


def _check_sides(image: Image, kind: str) -> None:
    height, width = image.shape[:2]
    if max(height, width) > _MAX_SIDE[kind]:
        raise UnsupportedFormat(
            f"{width} x {height} pixels do not fit into a {kind}, whose sides are at most {_MAX_SIDE[kind]}; use PNG"
        )
