"""Every format and pixel kind but JPEG: Pillow's own conversion, or values laid down by hand, composited on white."""

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, ImageSequence

from vultus.errors import CorruptPicture, TooManyPixels, UnsupportedFormat
from vultus.imaging.png import check_complete
from vultus.imaging.raster import decode_raster
from vultus.imaging.sniff import Format

pytestmark = pytest.mark.unit

PIXELS = 10**6
WIDTH, HEIGHT = 37, 23


def samples(channels: int, *, depth: int = 8) -> np.ndarray:
    dtype = np.uint8 if depth == 8 else np.uint16
    return np.random.default_rng(3).integers(0, 2**depth, (HEIGHT, WIDTH, channels), dtype=dtype)


def picture(mode: str) -> Image.Image:
    image = Image.fromarray(samples(4))
    return image.convert("RGB").quantize() if mode == "P" else image.convert(mode)  # a palette without alpha


def save(image: Image.Image, kind: Format, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def on_white(image: Image.Image) -> np.ndarray:
    """Porter and Duff's "over" on white, rounded to the nearest: (alpha c + (255 - alpha) 255) / 255."""
    rgba = np.array(image.convert("RGBA")).astype(int)
    alpha = rgba[..., 3:]
    return np.asarray((2 * (alpha * rgba[..., :3] + (255 - alpha) * 255) + 255) // 510)


def check(data: bytes, kind: Format, expected: np.ndarray) -> None:
    image = decode_raster(data, kind, PIXELS)
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable


LOSSLESS = [
    *(("png", mode, {}) for mode in ("1", "L", "P", "RGB", "LA", "RGBA")),
    *(("png", "P", {"bits": bits}) for bits in (1, 2, 4)),
    *(("bmp", mode, {}) for mode in ("1", "L", "P", "RGB")),
    *(("gif", mode, {}) for mode in ("1", "L", "P")),
    ("gif", "P", {"interlace": 1}),
    ("webp", "RGB", {"lossless": True}),
    ("webp", "RGBA", {"lossless": True, "exact": True}),
    *(
        ("tiff", mode, {"compression": compression})
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
        for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK")
    ),
    ("tiff", "YCbCr", {}),
    ("tiff", "RGB", {"big_tiff": True}),
    ("tiff", "1", {"compression": "group4"}),
]


@pytest.mark.parametrize(("kind", "mode", "options"), LOSSLESS)
def test_lossless_formats(kind: Format, mode: str, options: dict[str, Any]) -> None:
    image = picture(mode) if options.get("bits") is None else picture("RGB").quantize(2 ** options["bits"])
    check(save(image, kind, **options), kind, on_white(image))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossy_webp(mode: str) -> None:
    data = save(picture(mode), "webp", quality=60)
    check(data, "webp", on_white(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_in_tiff(mode: str) -> None:
    data = save(picture(mode), "tiff", compression="jpeg")
    check(data, "tiff", on_white(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("bitmap_format", ["png", "bmp"])
@pytest.mark.parametrize("sizes", [[(16, 16), (64, 64), (32, 32)], [(48, 48)], [(256, 256)]])
def test_icon_shows_its_largest_picture(sizes: list[tuple[int, int]], bitmap_format: str) -> None:
    image = Image.fromarray(samples(4)).resize((256, 256))
    data = save(image, "ico", sizes=sizes, bitmap_format=bitmap_format)
    shown = Image.open(io.BytesIO(data))
    assert shown.size == max(sizes)
    check(data, "ico", on_white(shown))


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "gif"])
def test_the_first_of_several_frames_is_shown(kind: Format) -> None:
    first = picture("P") if kind == "gif" else picture("RGB")
    options = {"lossless": True} if kind == "webp" else {}
    data = save(first, kind, save_all=True, append_images=[ImageOps.flip(first), ImageOps.mirror(first)], **options)
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 3
    check(data, kind, on_white(first))


def test_transparent_gif() -> None:
    image = picture("P")
    check(save(image, "gif", transparency=image.getpixel((0, 0))), "gif", _keyed_palette(image))


def test_transparent_palette_png() -> None:
    image = picture("P")
    check(save(image, "png", transparency=image.getpixel((0, 0))), "png", _keyed_palette(image))
    alphas = bytes(range(255, -1, -1))
    rgb = np.array(image.convert("RGB"))
    rgba = np.dstack((rgb, np.frombuffer(alphas, np.uint8)[np.array(image)]))
    check(save(image, "png", transparency=alphas), "png", on_white(Image.fromarray(rgba)))


def _keyed_palette(image: Image.Image) -> np.ndarray:
    expected = np.array(image.convert("RGB"))
    expected[np.array(image) == image.getpixel((0, 0))] = 255
    return expected


# PNG by hand: Pillow does not write these.


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    rows: list[bytes], width: int, height: int, colour: int, bits: int, key: bytes = b"", interlaced: int = 0
) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    transparency = chunk(b"tRNS", key) if key else b""
    stream = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + header + transparency + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def packed(values: np.ndarray, bits: int) -> list[bytes]:
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in values]
    if bits == 8:
        return [row.astype(np.uint8).tobytes() for row in values]
    return [
        np.packbits((row[:, None] >> np.arange(bits)[::-1] & 1).astype(np.uint8).ravel()).tobytes() for row in values
    ]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("keyed", [False, True])
def test_grey_png_of_every_depth(bits: int, keyed: bool) -> None:
    """Samples are scaled to the full range; 16 bits keep the high byte; the key counts in the file's own depth."""
    values = np.random.default_rng(1).integers(0, 2**bits, (9, 13))
    values[4, 5] = key = 2**bits - 1 if bits == 1 else 2**bits // 3
    grey = values >> 8 if bits == 16 else values * 255 // (2**bits - 1)
    if keyed:
        grey = np.where(values == key, 255, grey)
    data = png(packed(values, bits), 13, 9, 0, bits, struct.pack(">H", key) if keyed else b"")
    check(data, "png", np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("key", [0, 1])
def test_keyed_black_and_white_png(key: int) -> None:
    data = png([b"\xa0"], 3, 1, 0, 1, struct.pack(">H", key))
    shown = [255, 0, 255] if key else [255, 255, 255]
    check(data, "png", np.repeat(np.array(shown)[None, :, None], 3, axis=2))


@pytest.mark.parametrize("bits", [8, 16])
def test_keyed_colour_png(bits: int) -> None:
    values = samples(3, depth=bits).astype(int)
    key = values[2, 3]
    expected = values >> bits - 8
    expected[(expected == key >> bits - 8).all(axis=2)] = 255
    data = png(packed(values.reshape(HEIGHT, -1), bits), WIDTH, HEIGHT, 2, bits, struct.pack(">3H", *key))
    check(data, "png", expected)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_deep_png_keeps_the_high_byte(colour: int, channels: int) -> None:
    values = samples(channels, depth=16)
    data = png(packed(values.reshape(HEIGHT, -1), 16), WIDTH, HEIGHT, colour, 16)
    high = (values >> 8).astype(np.uint8)
    rgba = high[..., [0, 0, 0, 1]] if channels == 2 else high
    check(data, "png", on_white(Image.fromarray(rgba)))


def test_interlaced_png() -> None:
    values = samples(3)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [row.tobytes() for x, y, dx, dy in passes for row in values[y::dy, x::dx]]
    check(png(rows, WIDTH, HEIGHT, 2, 8, interlaced=1), "png", values)
    with pytest.raises(CorruptPicture):
        decode_raster(png(rows[:-1], WIDTH, HEIGHT, 2, 8, interlaced=1), "png", PIXELS)


@pytest.mark.parametrize("rows", [1, HEIGHT // 2, HEIGHT - 1])
def test_png_whose_stream_ends_early_but_cleanly(rows: int) -> None:
    with pytest.raises(CorruptPicture, match="last row"):
        decode_raster(png([bytes(range(WIDTH))] * rows, WIDTH, HEIGHT, 0, 8), "png", PIXELS)


def test_png_that_ends_in_black_rows() -> None:
    rows = [bytes(range(WIDTH))] + [bytes(WIDTH)] * (HEIGHT - 1)
    grey = np.frombuffer(b"".join(rows), np.uint8).reshape(HEIGHT, WIDTH, 1)
    check(png(rows, WIDTH, HEIGHT, 0, 8), "png", grey.repeat(3, axis=2))


# TIFF by hand.


def tiff(tags: dict[int, tuple[str, int]], body: bytes, order: str = "<") -> bytes:
    """One strip; each tag is a single SHORT (``H``) or LONG (``I``)."""
    tags |= {273: ("I", 8), 278: ("I", tags[257][1]), 279: ("I", len(body))}
    kinds = {"H": 3, "I": 4}
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kinds[kind], 1) + struct.pack(order + kind, value).ljust(4, b"\0")
        for tag, (kind, value) in sorted(tags.items())
    )
    magic = b"II*\0" if order == "<" else b"MM\0*"
    start = struct.pack(order + "I", 8 + len(body))
    return magic + start + body + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def grey_tags(width: int, height: int, bits: int, **more: tuple[str, int]) -> dict[int, tuple[str, int]]:
    tags = {256: ("I", width), 257: ("I", height), 258: ("H", bits), 259: ("H", 1), 262: ("H", 1), 277: ("H", 1)}
    return tags | {int(tag[1:]): value for tag, value in more.items()}


@pytest.mark.parametrize("order", "<>")
def test_deep_grey_tiff_keeps_the_high_byte(order: str) -> None:
    values = samples(1, depth=16)
    data = tiff(grey_tags(WIDTH, HEIGHT, 16), values.astype(order + "u2").tobytes(), order)
    check(data, "tiff", (values >> 8).repeat(3, axis=2))


def test_twelve_bit_tiff_keeps_its_high_byte() -> None:
    """Two samples in three bytes, most significant bits first (TIFF 6.0, FillOrder 1)."""
    values = np.random.default_rng(2).integers(0, 4096, (4, 6))
    bits = (values.reshape(-1, 1) >> np.arange(12)[::-1] & 1).astype(np.uint8)
    data = tiff(grey_tags(6, 4, 12), np.packbits(bits).tobytes())
    check(data, "tiff", (values >> 4)[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("mode", ["F", "I"])
def test_wide_samples_are_unsupported(mode: str) -> None:
    with pytest.raises(UnsupportedFormat, match="floating point"):
        decode_raster(save(Image.new(mode, (4, 4)), "tiff"), "tiff", PIXELS)


def test_lab_is_unsupported() -> None:
    with pytest.raises(UnsupportedFormat, match="LAB"):
        decode_raster(save(Image.new("LAB", (4, 4)), "tiff"), "tiff", PIXELS)


def test_odd_but_readable_tiff_neither_warns_nor_fails() -> None:
    """Pillow warns of a tag with more values than it should have."""
    body = bytes(range(64))
    data = tiff(grey_tags(8, 8, 8, t266=("H", 1)), body)
    place = data.index(struct.pack("<HHI", 266, 3, 1))
    odd = data[:place] + struct.pack("<HHI", 266, 3, 2) + data[place + 8 :]
    with pytest.warns(UserWarning, match="too many entries"):
        Image.open(io.BytesIO(odd))
    check(odd, "tiff", np.arange(64).reshape(8, 8, 1).repeat(3, axis=2))


# BMP by hand.


def bmp(width: int, height: int, bits: int, body: bytes, compression: int = 0, palette: bytes = b"") -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 0, 0, len(palette) // 4, 0)
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + header + palette + body


def test_bmp_from_top_to_bottom() -> None:
    values = samples(3)[:, :36]  # rows of a multiple of four bytes
    body = values[..., ::-1].tobytes()
    check(bmp(36, -HEIGHT, 24, body), "bmp", values)
    check(bmp(36, HEIGHT, 24, body), "bmp", values[::-1])


def test_bmp_with_and_without_an_alpha_mask() -> None:
    """The fourth byte means something only where a mask says so (BITMAPV4HEADER)."""
    values = samples(4)
    body = values[::-1].tobytes()
    opaque = values[..., :3]
    check(bmp(WIDTH, HEIGHT, 32, values[::-1, :, [2, 1, 0, 3]].tobytes()), "bmp", opaque)
    header = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, 3, len(body), 0, 0, 0, 0)
    header += struct.pack("<4I", 0xFF, 0xFF00, 0xFF0000, 0xFF000000) + bytes(52)
    data = b"BM" + struct.pack("<IHHI", 14 + len(header) + len(body), 0, 0, 14 + len(header)) + header + body
    check(data, "bmp", on_white(Image.fromarray(values)))


def test_run_length_bmp() -> None:
    palette = bytes(value for grey in range(256) for value in (grey, grey, grey, 0))
    body = bytes([3, 50, 1, 60, 0, 0, 4, 70, 0, 1])  # three of 50, one of 60, next row, four of 70, end
    expected = np.array([[70] * 4, [50, 50, 50, 60]])[..., None].repeat(3, axis=2)
    check(bmp(4, 2, 8, body, 1, palette), "bmp", expected)
    with pytest.raises(ValueError, match="data"):
        decode_raster(bmp(4, 2, 8, bytes([3, 50, 1, 60, 0, 1]), 1, palette), "bmp", PIXELS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_orientation(kind: Format, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    tags = {"tiffinfo": {0x0112: orientation}} if kind == "tiff" else {"exif": exif}
    data = save(picture("RGB"), kind, **tags, **({"lossless": True} if kind == "webp" else {}))
    check(data, kind, np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("block", [b"", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", bytes(range(200))])
def test_hostile_exif_is_no_fault_of_the_picture(kind: Format, block: bytes) -> None:
    image = picture("RGB")
    options = {"lossless": True} if kind == "webp" else {}
    check(save(image, kind, exif=b"Exif\0\0" + block, **options), kind, np.array(image))


def test_wide_tiles_are_refused() -> None:
    """A small picture may be cut out of one enormous tile, which would have to be decoded whole."""
    tags = grey_tags(8, 8, 8, t322=("I", 60000), t323=("I", 60000))
    with pytest.raises(TooManyPixels):
        decode_raster(tiff(tags, bytes(64)), "tiff", PIXELS)


def test_png_of_which_far_more_follows_than_its_size() -> None:
    """What is left in the stream is never inflated: two megabytes of it would be two thousand."""
    stream = zlib.compress(bytes(HEIGHT * (WIDTH + 1)) + bytes(10**7))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    tracemalloc.start()
    try:
        check_complete(b"\x89PNG\r\n\x1a\n" + data)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("last", [0x5A, 0, 255])
def test_png_whose_last_row_has_the_colour_of_what_is_not_written(last: int) -> None:
    rows = [bytes(range(WIDTH))] * (HEIGHT - 1) + [bytes([last]) * WIDTH]
    expected = np.stack([np.frombuffer(row, np.uint8) for row in rows])
    check(png(rows, WIDTH, HEIGHT, 0, 8), "png", np.repeat(expected[..., None], 3, axis=2))


def test_a_picture_of_several_strips_is_put_together() -> None:
    values = np.random.default_rng(5).integers(0, 256, (1500, 400, 4), np.uint8)
    image = Image.fromarray(values)
    check(save(image, "png"), "png", on_white(image))
