"""The length of a PNG's stream against streams that were made row by row."""

import struct
import zlib

import pytest

from vultus.errors import CorruptPicture
from vultus.imaging.png import check_complete, is_interlaced, sample_bits

pytestmark = pytest.mark.unit

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 4), (4, 8), (4, 16), (6, 8), (6, 16)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, colour: int, bits: int, raw: bytes, *, interlaced: bool = False, cut: int = 7
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    stream = zlib.compress(raw)
    parts = [stream[i : i + cut] for i in range(0, len(stream), cut)]  # many small chunks, one stream
    body = b"".join(chunk(b"IDAT", part) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", b"a\0b") + body + chunk(b"IEND", b"")


def row_bytes(columns: int, colour: int, bits: int) -> int:
    return 1 + -(-columns * CHANNELS[colour] * bits // 8)


@pytest.mark.parametrize(("colour", "bits"), KINDS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (9, 5), (16, 3)])
def test_plain_streams(colour: int, bits: int, width: int, height: int) -> None:
    row = row_bytes(width, colour, bits)
    check_complete(png(width, height, colour, bits, bytes(row * height)))
    with pytest.raises(CorruptPicture, match="last row"):
        check_complete(png(width, height, colour, bits, bytes(row * height - 1)))
    with pytest.raises(CorruptPicture):
        check_complete(png(width, height, colour, bits, bytes(row * (height - 1))))


@pytest.mark.parametrize(("colour", "bits"), KINDS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (9, 5), (16, 17)])
def test_interlaced_streams(colour: int, bits: int, width: int, height: int) -> None:
    """Adam7: each pixel of an 8 x 8 square belongs to the pass the specification's table gives it."""
    table = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]
    columns: dict[tuple[str, int], int] = {}
    for y in range(height):
        for x in range(width):
            key = table[y % 8][x % 8], y
            columns[key] = columns.get(key, 0) + 1
    length = sum(row_bytes(count, colour, bits) for count in columns.values())
    check_complete(png(width, height, colour, bits, bytes(length), interlaced=True))
    with pytest.raises(CorruptPicture):
        check_complete(png(width, height, colour, bits, bytes(length - 1), interlaced=True))


def test_large_streams_are_not_held_in_memory_at_once() -> None:
    side = 3000
    check_complete(png(side, side, 0, 8, bytes((side + 1) * side), cut=10**6))


def test_header_fields() -> None:
    data = png(3, 3, 2, 16, bytes(57), interlaced=True)
    assert sample_bits(data) == 16
    assert is_interlaced(data)
    assert not is_interlaced(png(3, 3, 2, 8, bytes(30)))
