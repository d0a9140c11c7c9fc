"""The size a picture announces, read and checked before anything is decoded or allocated."""

from __future__ import annotations

from struct import unpack_from

from vultus.errors import CorruptPicture, TooManyPixels
from vultus.imaging.sniff import Format

_MOST_BLOCKS = 20_000  # of a GIF before its first frame, passed over in Python; XMP is cut into some hundred


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Compare a picture's size with the limit.

    Raises:
        CorruptPicture: There are no pixels.
        TooManyPixels: There are more than ``max_pixels``.
    """
    if width < 1 or height < 1:
        raise CorruptPicture("the picture is damaged: its header announces no pixels")
    if width * height > max_pixels:
        raise TooManyPixels(
            f"the picture has {width} x {height} pixels, more than max_picture_pixels ({max_pixels}) allows; "
            "send it smaller or raise the limit",
            limit="max_picture_pixels",
        )


def announced_size(data: bytes, kind: Format) -> tuple[int, int] | None:
    """Width and height in pixels as the header of a PNG, GIF, WebP or BMP has them.

    For a GIF it is the smallest canvas that holds the logical screen and the first frame.

    Returns:
        ``None`` for the other formats, whose decoders can be asked without cost.

    Raises:
        CorruptPicture: The header is damaged.
        struct.error, IndexError: The header is truncated.
    """
    match kind:
        case "png":
            return _png_size(data)
        case "gif":
            return _gif_size(data)
        case "webp":
            return _webp_size(data)
        case "bmp":
            return dib_size(data, 14)
        case _:
            return None


def dib_size(data: bytes, offset: int) -> tuple[int, int]:
    """Width and height in a Windows DIB header at ``offset``; an icon's height counts its mask as well."""
    (size,) = unpack_from("<I", data, offset)
    width, height = unpack_from("<HH" if size in (12, 16) else "<ii", data, offset + 4)
    return width, abs(height)  # negative: stored from top to bottom


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise CorruptPicture("the PNG picture is damaged: it does not begin with its header")
    width, height = unpack_from(">II", data, 16)
    return width, height


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height, flags = unpack_from("<HHB", data, 6)
    position = _gif_frame(data, 13 + _gif_palette_bytes(flags))
    if data[position] != 0x2C:
        raise CorruptPicture("the GIF picture is damaged: it has no frame")
    left, top, frame_width, frame_height = unpack_from("<4H", data, position + 1)
    return max(width, left + frame_width), max(height, top + frame_height)


def _gif_frame(data: bytes, position: int) -> int:
    """Where the extensions end: GIF89a, sections 15 to 26, each introduced by 0x21 and made of sub-blocks."""
    is_within = False  # an extension, whose last sub-block has the length 0
    for _ in range(_MOST_BLOCKS):
        if is_within:
            length = data[position]
            position += 1 + length
            is_within = length > 0
        elif data[position] == 0x21:
            position += 2
            is_within = True
        else:
            return position
    raise CorruptPicture(f"the GIF picture is damaged: {_MOST_BLOCKS} blocks bring no frame")


def _gif_palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise CorruptPicture("the WebP picture is damaged: its first chunk is unknown")
