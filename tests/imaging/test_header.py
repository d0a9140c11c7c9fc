"""Announced sizes against what Pillow wrote, and against headers made by hand."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from vultus.errors import CorruptPicture, TooManyPixels
from vultus.imaging.header import announced_size, check_size, dib_size
from vultus.imaging.sniff import Format

pytestmark = pytest.mark.unit


def encoded(mode: str, size: tuple[int, int], kind: Format, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (1000, 999)])
@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("png", "RGB", {}),
        ("gif", "P", {}),
        ("bmp", "RGB", {}),
        ("webp", "RGB", {}),
        ("webp", "RGBA", {}),
        ("webp", "RGBA", {"lossless": True}),
        ("webp", "RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
    ],
)
def test_sizes_as_pillow_wrote_them(kind: Format, mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    assert announced_size(encoded(mode, size, kind, **options), kind) == size


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "ico"])
def test_other_decoders_are_asked_themselves(kind: Format) -> None:
    assert announced_size(b"", kind) is None


def test_gif_frame_may_exceed_its_screen() -> None:
    """The canvas has to hold the frame, wherever it lies; extensions before it are passed over."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 20, 0x80, 0, 0) + bytes(6)  # a palette of two colours
    comment = b"\x21\xfe\x03abc\x02de\x00"
    frame = b"\x2c" + struct.pack("<4HB", 5, 6, 100, 4, 0)
    assert announced_size(screen + comment + frame, "gif") == (105, 20)


@pytest.mark.parametrize("blocks", [b"\x21\xfe" + b"\1a" * 20_001 + b"\0", (b"\x21\x42\0") * 10_001])
def test_a_gif_of_countless_blocks_is_refused(blocks: bytes) -> None:
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 20, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 10, 20, 0)
    with pytest.raises(CorruptPicture, match="20000 blocks"):
        announced_size(screen + blocks + frame, "gif")


def test_gif_without_a_frame_is_corrupt() -> None:
    with pytest.raises(CorruptPicture):
        announced_size(b"GIF89a" + struct.pack("<HHBBB", 10, 20, 0, 0, 0) + b"\x3b", "gif")


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (struct.pack("<IHH", 12, 300, 200), (300, 200)),  # BITMAPCOREHEADER
        (struct.pack("<Iii", 40, 300, 200), (300, 200)),
        (struct.pack("<Iii", 40, 300, -200), (300, 200)),  # rows from top to bottom
        (struct.pack("<Iii", 124, 70000, 1), (70000, 1)),
    ],
)
def test_dib_headers(header: bytes, size: tuple[int, int]) -> None:
    assert dib_size(b"xx" + header, 2) == size
    assert announced_size(b"BM" + bytes(12) + header, "bmp") == size


def test_unknown_webp_chunk_is_corrupt() -> None:
    with pytest.raises(CorruptPicture):
        announced_size(b"RIFF\x24\x00\x00\x00WEBPABCD" + bytes(20), "webp")


def test_png_must_begin_with_its_header() -> None:
    with pytest.raises(CorruptPicture):
        announced_size(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIDAT" + bytes(20), "png")


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "bmp"])
def test_truncated_headers_do_not_pass(kind: Format) -> None:
    data = encoded("P", (9, 9), kind) if kind != "webp" else encoded("RGB", (9, 9), kind)
    for length in range(2, 20):
        with pytest.raises((struct.error, IndexError, CorruptPicture)):
            announced_size(data[:length], kind)


def test_limit_is_exact() -> None:
    check_size(100, 200, 20_000)
    with pytest.raises(TooManyPixels, match="100 x 200") as caught:
        check_size(100, 200, 19_999)
    assert caught.value.limit == "max_picture_pixels"
    assert "19999" in caught.value.message


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-5, -5), (-1, 7)])
def test_no_pixels_are_corrupt(size: tuple[int, int]) -> None:
    with pytest.raises(CorruptPicture):
        check_size(*size, 100)
