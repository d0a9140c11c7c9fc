"""What a picture is, by its leading bytes alone: file names and content types are often wrong and sometimes lies.

Only where a whole folder is looked through do names decide which files are tried.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal, TypeAlias

Format: TypeAlias = Literal["jpeg", "png", "webp", "bmp", "tiff", "gif", "ico"]

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),  # BigTIFF
    (b"MM\0+", "tiff"),
    (b"\0\0\1\0", "ico"),
)

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".ico"}
)
"""Files of a folder that are taken for pictures; a file that is named itself is always tried."""

_DIB_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the information header that follows a BMP's file header, by version."""


def is_picture_name(name: str) -> bool:
    """Whether a file of a folder is taken for a picture: by its suffix; hidden ones are not, as in the shell.

    Args:
        name: The file's own name, without the folders above it.
    """
    return PurePath(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def sniff(data: bytes) -> Format | None:
    """The format of an encoded picture, or ``None`` where it is of none that is read here.

    Args:
        data: The picture from its first byte on; 18 bytes are enough.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    # Two letters alone would take many a text for a picture.
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _DIB_HEADER_SIZES:
        return "bmp"
    return None
