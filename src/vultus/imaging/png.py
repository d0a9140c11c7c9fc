"""What Pillow does not tell of a PNG: whether its compressed stream held every row."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import unpack_from

from vultus.errors import CorruptPicture

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 2**17


def sample_bits(data: bytes) -> int:
    """Bits of one sample in the file: 1, 2, 4, 8 or 16."""
    return data[24]


def is_interlaced(data: bytes) -> bool:
    """Whether the rows are stored in the order of Adam7."""
    return bool(data[28])


def check_complete(data: bytes) -> None:
    """Make sure that the compressed stream holds all rows: where it ends early but cleanly, Pillow leaves them black.

    PNG specification (ISO/IEC 15948), sections 8 and 11.2.

    Raises:
        CorruptPicture: It ends early.
        struct.error, IndexError, KeyError, zlib.error: It is damaged.
    """
    missing = _stream_bytes(data)
    stream = zlib.decompressobj()
    for chunk in _image_data(data):
        while chunk and missing > 0:
            missing -= len(stream.decompress(chunk, _PIECE))
            chunk = stream.unconsumed_tail
    # What is left over is never asked for: of a bomb, ``flush`` would make gigabytes.
    if missing > 0 and missing > len(stream.flush()):
        raise CorruptPicture("the PNG picture is damaged: its compressed data ends before the last row")


def _stream_bytes(data: bytes) -> int:
    """Length of the uncompressed stream: each row of each pass is preceded by its filter type."""
    width, height, bits, colour = unpack_from(">IIBB", data, 16)
    pixel = bits * _CHANNELS[colour]
    total = 0
    for left, top, step_x, step_y in _ADAM7 if is_interlaced(data) else _WHOLE:
        columns, rows = -((left - width) // step_x), -((top - height) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * pixel + 7) // 8)
    return total


def _image_data(data: bytes) -> Iterator[bytes]:
    position = 8
    while position < len(data):
        length, kind = unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            yield data[position + 8 : position + 8 + length]
        elif kind == b"IEND":
            return
        position += 12 + length
