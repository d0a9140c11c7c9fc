"""What a picture may be given as: pixels, encoded bytes or a file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np

from vultus.errors import PictureUnreachable, UnsupportedFormat
from vultus.imaging.decode import Limits, decode
from vultus.types import Image

Source: TypeAlias = Image | bytes | bytearray | memoryview | str | PathLike[str]
"""RGB pixels uint8 ``(h, w, 3)``, an encoded picture, or the path of one."""


def read_pixels(source: Source, limits: Limits) -> Image:
    """RGB pixels of a picture, however it is given. Pixels are taken as they are, without a copy.

    Raises:
        PictureError: What the picture is not fit for; see ``decode``.
        PictureUnreachable: The file cannot be read.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise UnsupportedFormat(
                f"pixels must be RGB, uint8, of shape (height, width, 3), not {source.dtype} {source.shape}"
            )
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode(source, limits)
    return decode(_read_file(Path(source), limits), limits)


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            # With one byte more than allowed it is refused by ``decode``, whatever the file system says of its size.
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        raise PictureUnreachable(f"{path} cannot be read: {error.strerror or error}") from error
