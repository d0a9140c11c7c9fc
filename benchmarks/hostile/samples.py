"""Small good pictures, which the corpus damages: a bright square on grey, in which made-up networks see a face."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

SIDE = 112


@cache
def square(side: int = SIDE) -> Image.Image:
    """A picture in RGB."""
    pixels = np.full((side, side, 3), 96, np.uint8)
    pixels[side // 4 : -side // 4, side // 4 : -side // 4] = 250
    pixels[::7, ::5] ^= 31
    return Image.fromarray(pixels)


def saved(kind: str, picture: Image.Image | None = None, **how: Any) -> bytes:  # noqa: ANN401 - as Pillow has it
    """A picture as a file."""
    with io.BytesIO() as file:
        (picture or square()).save(file, kind, **how)
        return file.getvalue()


@cache
def profile() -> bytes:
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int = 6) -> bytes:
    """An EXIF block."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()
