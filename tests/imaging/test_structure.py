"""Files of absurdly many pieces."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from vultus.errors import CorruptPicture, UnsupportedFormat
from vultus.imaging.sniff import Format
from vultus.imaging.structure import check_structure

pytestmark = pytest.mark.unit


def saved(kind: str, mode: str = "RGB") -> bytes:
    with io.BytesIO() as file:
        Image.new(mode, (16, 16)).save(file, kind)
        return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "gif", "tiff", "bmp", "webp"])
def test_what_encoders_write_passes(kind: Format) -> None:
    check_structure(saved(kind), kind)


def test_a_png_of_countless_chunks_is_refused() -> None:
    data = saved("png")
    with pytest.raises(CorruptPicture, match="20000 chunks"):
        check_structure(data[:33] + struct.pack(">I4sI", 0, b"abCd", 0) * 20_001 + data[33:], "png")


def test_a_png_chunk_that_claims_gigabytes_ends_the_count() -> None:
    check_structure(saved("png")[:33] + b"\xff\xff\xff\xfftEXt", "png")


def tiff(order: str, is_big: bool, tag: int, kind: int, count: int) -> bytes:
    """A header and a directory of one entry."""
    magic = b"II" if order == "<" else b"MM"
    if is_big:
        head = magic + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 1)
        return head + struct.pack(order + "HHQQ", tag, kind, count, 0)
    head = magic + struct.pack(order + "HIH", 42, 8, 1)
    return head + struct.pack(order + "HHII", tag, kind, count, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
def test_a_tiff_of_countless_strips_is_refused(order: str, is_big: bool) -> None:
    check_structure(tiff(order, is_big, 273, 4, 100_000), "tiff")
    with pytest.raises(CorruptPicture, match="100000 strips"):
        check_structure(tiff(order, is_big, 273, 4, 100_001), "tiff")


@pytest.mark.parametrize("tag", [258, 320, 338, 339, 65000])  # BitsPerSample, ColorMap, ExtraSamples, SampleFormat
@pytest.mark.parametrize("kind", [3, 5, 6, 12])  # SHORT, RATIONAL, SBYTE, DOUBLE
def test_a_tiff_tag_of_countless_values_is_refused(tag: int, kind: int) -> None:
    check_structure(tiff("<", False, tag, kind, 3 * 2**16), "tiff")
    with pytest.raises(CorruptPicture, match=f"tag {tag} has more than 196608 values"):
        check_structure(tiff("<", False, tag, kind, 3 * 2**16 + 1), "tiff")


@pytest.mark.parametrize("kind", [1, 2, 7])  # BYTE, ASCII, UNDEFINED
def test_a_tiff_may_carry_many_bytes(kind: int) -> None:
    check_structure(tiff("<", False, 34675, kind, 2**24), "tiff")  # an ICC profile


def bmp(compression: int, size: int) -> bytes:
    return (b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 9, 9, 1, 8, compression)).ljust(size, b"\0")


@pytest.mark.parametrize("compression", [1, 2])
def test_a_large_bmp_of_runs_is_refused(compression: int) -> None:
    check_structure(bmp(compression, 2**20), "bmp")
    with pytest.raises(UnsupportedFormat, match="run-length"):
        check_structure(bmp(compression, 2**20 + 1), "bmp")


@pytest.mark.parametrize("compression", [0, 3])
def test_a_large_bmp_without_runs_passes(compression: int) -> None:
    check_structure(bmp(compression, 2**22), "bmp")
