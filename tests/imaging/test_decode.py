"""The contract of ``decode``: a whole picture or one of five errors, within its limits, whatever the bytes."""

import io
import resource
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from vultus.errors import (
    CorruptPicture,
    EmptyPicture,
    PictureTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)
from vultus.imaging.decode import Limits, decode
from vultus.settings import load_settings

pytestmark = pytest.mark.unit

WIDTH, HEIGHT = 61, 47


def photograph(mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    return Image.fromarray(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)).convert(mode)


def save(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    photograph(mode).save(file, kind, **options)
    return file.getvalue()


PICTURES = {
    "jpeg": save("jpeg"),
    "progressive jpeg": save("jpeg", progressive=True),
    "cmyk jpeg": save("jpeg", "CMYK"),
    "grey jpeg": save("jpeg", "L"),
    "png": save("png"),
    "alpha png": save("png", "RGBA"),
    "palette png": save("png", "P"),
    "webp": save("webp"),
    "lossless webp": save("webp", lossless=True),
    "alpha webp": save("webp", "RGBA"),
    "bmp": save("bmp"),
    "tiff": save("tiff"),
    "lzw tiff": save("tiff", compression="tiff_lzw"),
    "deflate tiff": save("tiff", "CMYK", compression="tiff_adobe_deflate"),
    "jpeg tiff": save("tiff", compression="jpeg"),
    "gif": save("gif"),
    "interlaced gif": save("gif", interlace=1),
    "ico": save("ico", "RGBA", sizes=[(32, 32), (16, 16)]),
    "bmp ico": save("ico", "RGBA", sizes=[(32, 32), (16, 16)], bitmap_format="bmp"),
}

each_picture = pytest.mark.parametrize("name", PICTURES)


@each_picture
def test_pixels_are_rgb_contiguous_and_the_callers_own(name: str) -> None:
    image = decode(PICTURES[name])
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.flags.c_contiguous
    assert image.flags.writeable


@each_picture
@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_any_buffer_will_do(name: str, wrap: Callable[[bytes], bytearray | memoryview]) -> None:
    np.testing.assert_array_equal(decode(wrap(PICTURES[name])), decode(PICTURES[name]))


@each_picture
def test_five_percent_steps_of_a_picture_are_no_picture(name: str) -> None:
    data = PICTURES[name]
    for percent in range(0, 100, 5):
        with pytest.raises((CorruptPicture, UnsupportedFormat, EmptyPicture)):
            decode(data[: len(data) * percent // 100])


@each_picture
def test_only_a_trailer_may_be_missing(name: str) -> None:
    """The last bytes of a PNG, alone or in an icon (end code, checksums, end chunk), of a GIF (end mark) and of a BMP
    (padding) hold no pixels: without them the picture is whole, and equal. Nothing else may be missing.
    """
    data = PICTURES[name]
    whole = decode(data)
    for missing in range(1, min(200, len(data))):
        try:
            image = decode(data[:-missing])
        except (CorruptPicture, UnsupportedFormat):
            continue
        np.testing.assert_array_equal(image, whole)
        assert missing <= 24
        assert name.split()[-1] in ("png", "gif", "ico", "bmp")


@pytest.mark.parametrize("kind", ["gif", "tiff", "webp", "png"])
def test_later_frames_may_be_missing_where_the_format_tells_the_first_apart(kind: str) -> None:
    data = save(kind, "P" if kind == "gif" else "RGB", save_all=True, append_images=[photograph().rotate(180)])
    whole = decode(data)
    for length in range(0, len(data), 97):
        try:
            image = decode(data[:length])
        except (CorruptPicture, UnsupportedFormat, EmptyPicture):
            continue
        np.testing.assert_array_equal(image, whole)


def test_truncated_pictures_stay_errors_because_pillow_is_left_strict() -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_empty() -> None:
    for data in (b"", bytearray(), memoryview(b"")):
        with pytest.raises(EmptyPicture):
            decode(data)


@pytest.mark.parametrize(
    "data", [b"a", b"hello world", b"<html></html>", b"%PDF-1.4\n", bytes(1000), b"\0\0\0\x20ftypheic" + bytes(99)]
)
def test_foreign_bytes(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="JPEG, PNG, WebP, BMP, TIFF, GIF or ICO"):
        decode(data)


@each_picture
def test_byte_limit_is_exact(name: str) -> None:
    data = PICTURES[name]
    decode(data, Limits(max_bytes=len(data)))
    with pytest.raises(PictureTooLarge, match="max_picture_bytes") as caught:
        decode(data, Limits(max_bytes=len(data) - 1))
    assert caught.value.limit == "max_picture_bytes"


@each_picture
def test_pixel_limit_is_exact(name: str) -> None:
    height, width, _ = decode(PICTURES[name]).shape
    decode(PICTURES[name], Limits(max_pixels=height * width))
    with pytest.raises(TooManyPixels, match=f"{width} x {height}") as caught:
        decode(PICTURES[name], Limits(max_pixels=height * width - 1))
    assert caught.value.limit == "max_picture_pixels"


def test_default_limits() -> None:
    assert Limits() == Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)


# Bombs: small files that announce enormous pictures.


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int = 60000) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def gif_bomb(screen: int, frame: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + struct.pack("<4HB", 0, 0, frame, frame, 0) + b"\x02\x02\x4c\x01\x00\x3b"


def bmp_bomb(height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60000, height, 1, 24, *[0] * 6)


def webp_bomb(first: bytes, body: bytes) -> bytes:
    chunks = first + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def tiff_bomb() -> bytes:
    tags = {256: 60000, 257: 60000, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 60000, 279: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 108) + bytes(100) + struct.pack("<H", len(tags)) + entries + bytes(4)


def icon_bomb(inner: bytes) -> bytes:
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def jpeg_bomb() -> bytes:
    data = PICTURES["jpeg"]
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", 60000, 60000) + data[place + 4 :]


BOMBS = {
    "jpeg": jpeg_bomb(),
    "png": png_bomb(),
    "gif screen": gif_bomb(60000, 10),
    "gif frame": gif_bomb(10, 60000),
    "bmp": bmp_bomb(60000),
    "bmp top down": bmp_bomb(-60000),
    "tiff": tiff_bomb(),
    "webp canvas": webp_bomb(b"VP8X", bytes(4) + (59999).to_bytes(3, "little") * 2),
    "webp lossless": webp_bomb(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(40)),
    "webp lossy": webp_bomb(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(40)),
    "ico png": icon_bomb(png_bomb()),
    "ico bmp": icon_bomb(struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 32, *[0] * 6)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_by_their_header(name: str) -> None:
    """Without the gigabytes they ask for."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooManyPixels) as caught:
        decode(BOMBS[name])
    assert caught.value.limit == "max_picture_pixels"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_the_limit_decides_not_pillow() -> None:
    """Pillow refuses more than 179 megapixels on its own; whoever raises the limit gets what was asked for."""
    rows = zlib.compress(bytes(1 + 15000 // 8) * 12000, 1)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 15000, 12000, 1, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with pytest.raises(TooManyPixels):
        decode(data, Limits(max_pixels=15000 * 12000 - 1))
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    with pytest.raises(CorruptPicture):  # past the header: its last chunk is cut
        decode(data[:-200], Limits(max_pixels=15000 * 12000))


# Hostile bytes.

MAGIC = [
    b"",
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe1\x00\x40Exif\0\0II*\0",
    b"\x89PNG\r\n\x1a\n",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08",
    b"GIF89a\x08\0\x08\0",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"BM" + bytes(12) + b"\x28\0\0\0\x08\0\0\0\x08\0\0\0",
    b"II*\0\x08\0\0\0",
    b"MM\0+\0\x08\0\0",
    b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x40\0\0\0\x16\0\0\0",
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=300))
def test_random_bytes_give_a_picture_or_a_typed_error(magic: bytes, data: bytes) -> None:
    _decode_anything(magic + data)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(sorted(PICTURES)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 30),
)
def test_damaged_pictures_give_a_picture_or_a_typed_error(
    name: str, changes: list[tuple[int, int]], header_only: int
) -> None:
    data = bytearray(PICTURES[name])
    for place, value in changes:
        data[place % (len(data) if header_only else 100)] = value
    _decode_anything(bytes(data))


def _decode_anything(data: bytes) -> None:
    limits = Limits(max_pixels=10**6)
    try:
        image = decode(data, limits)
    except (EmptyPicture, UnsupportedFormat, CorruptPicture, TooManyPixels):
        return
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert 0 < image.shape[0] * image.shape[1] <= limits.max_pixels


def test_errors_hold_no_picture_contents() -> None:
    with pytest.raises(CorruptPicture) as caught:
        decode(PICTURES["png"][:-100])
    assert caught.value.message == "the PNG picture is truncated or damaged"


def test_threads_do_not_disturb_each_other() -> None:
    alone = {name: decode(data) for name, data in PICTURES.items()}
    names = sorted(PICTURES) * 8
    with ThreadPoolExecutor(8) as pool:
        for name, image in zip(names, pool.map(lambda name: decode(PICTURES[name]), names), strict=True):
            np.testing.assert_array_equal(image, alone[name])


def test_limits_are_those_of_the_settings() -> None:
    given = load_settings(max_picture_bytes=1000, max_picture_pixels=2000, max_jpeg_scans=3)
    assert Limits.from_settings(given) == Limits(max_bytes=1000, max_pixels=2000, max_scans=3)
    assert Limits.from_settings(load_settings()) == Limits()
