"""The orientation, read as Pillow reads it, undone as Pillow undoes it, and harmless whatever the block holds."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from vultus.imaging.exif import read_orientation, turn_upright

pytestmark = pytest.mark.unit


def block(order: str, value: int, kind: int = 3, before: int = 0, prefix: bytes = b"Exif\0\0") -> bytes:
    """An EXIF block by hand: TIFF header, one directory, other tags before the orientation."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    packed = struct.pack(order + ("I" if kind == 4 else "H2x"), value)
    entries = [struct.pack(order + "HHI4s", 0x100 + n, 4, 1, bytes(4)) for n in range(before)]
    entries.append(struct.pack(order + "HHI", 0x0112, kind, 1) + packed)
    return prefix + magic + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_reads_both_byte_orders(order: str, value: int, prefix: bytes) -> None:
    assert read_orientation(block(order, value, prefix=prefix)) == value
    assert read_orientation(block(order, value, kind=4, before=5, prefix=prefix)) == value


@pytest.mark.parametrize("value", range(1, 9))
def test_reads_what_pillow_writes(value: int) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x0112] = value
    assert read_orientation(exif.tobytes()) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",  # a directory far outside
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",  # 65,535 entries, none there
        b"Exif\0\0XX*\0\x08\0\0\0\0\0",
        block("<", 0),
        block("<", 9),
        block(">", 65535),
        block("<", 6, kind=2),
        block("<", 6)[:-8],
    ],
)
def test_faulty_blocks_stand_upright(data: bytes) -> None:
    assert read_orientation(data) == 1


@given(st.binary(max_size=200), st.sampled_from([b"", b"Exif\0\0II*\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_give_an_orientation(data: bytes, prefix: bytes) -> None:
    assert 1 <= read_orientation(prefix + data) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_as_pillow_does(orientation: int) -> None:
    pixels = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    picture = Image.fromarray(pixels)
    picture.getexif()[0x0112] = orientation
    turned = turn_upright(pixels, orientation)
    np.testing.assert_array_equal(turned, np.array(ImageOps.exif_transpose(picture)))
    assert turned.flags.c_contiguous
    assert turned.flags.writeable


def test_upright_pictures_are_not_copied() -> None:
    pixels = np.zeros((3, 5, 3), np.uint8)
    assert turn_upright(pixels, 1) is pixels
