"""What a picture may be given as: pixels, encoded bytes or a file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np

from vultus.errors import PictureUnreachable, UnsupportedFormat
from vultus.imaging.decode import Limits, decode_least
from vultus.imaging.jpeg import Decoded
from vultus.types import Image

Source: TypeAlias = Image | bytes | bytearray | memoryview | str | PathLike[str]
"""RGB pixels uint8 ``(h, w, 3)``, an encoded picture, or the path of one."""


def read_pixels(source: Source, limits: Limits) -> Image:
    """RGB pixels of a picture, however it is given, in full: see ``read_picture``."""
    return read_picture(source, limits).pixels


def read_picture(source: Source, limits: Limits, least: int = 0) -> Decoded:
    """A picture, however it is given. Pixels are taken as they are, without a copy.

    Args:
        source: The picture.
        limits: What it may cost.
        least: If above 0, a JPEG may come smaller, its longer side not below this.

    Raises:
        PictureError: What the picture is not fit for; see ``decode``.
        PictureUnreachable: The file cannot be read.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise UnsupportedFormat(
                f"pixels must be RGB, uint8, of shape (height, width, 3), not {source.dtype} {source.shape}"
            )
        return Decoded(source, source.shape[1], source.shape[0])
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode_least(source, limits, least)
    return decode_least(read_file(source, limits.max_bytes), limits, least)


def read_file(name: str | PathLike[str], max_bytes: int) -> bytes:
    """A file's bytes; of a larger one than ``max_bytes`` one more than that, so that ``decode`` refuses it.

    Raises:
        PictureUnreachable: The file cannot be read.
    """
    path = Path(name)
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise PictureUnreachable(f"{path} cannot be read: {error.strerror or error}") from error
