"""Hostile WebP, BMP and ICO files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from PIL import Image

from benchmarks.hostile import samples
from benchmarks.hostile.case import ANY, CORRUPT, FINE, NO_PICTURE, TOO_LARGE, Cuts, Picture, replaced, truncations
from benchmarks.hostile.pngs import png

_BMP_HEAD = 54


def riff_cuts(data: bytes) -> Cuts:
    """In the container's head and in each chunk."""
    yield "within RIFF", 2
    yield "behind RIFF", 8
    yield "behind WEBP", 12
    position, number = 12, 0
    while position < len(data):
        number += 1
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        yield f"behind kind {number}", position + 4
        yield f"behind length {number}", position + 8
        yield f"within body {number}", position + 8 + length // 2
        position += 8 + length + length % 2
        yield f"behind chunk {number}", position
    yield "before the last byte", len(data) - 1


def webps() -> Iterator[Picture]:
    """WebP: the container is RIFF; https://developers.google.com/speed/webp/docs/riff_container."""
    lossy, lossless = samples.saved("WEBP"), samples.saved("WEBP", lossless=True)
    frames = [samples.square().rotate(turn) for turn in (90, 180)]
    rich = samples.saved(
        "WEBP", save_all=True, append_images=frames, exif=samples.exif(), icc_profile=samples.profile()
    )
    for name, data in (("lossy", lossy), ("lossless", lossless)):
        yield from truncations(f"WebP {name}", data, riff_cuts(data))
    yield from truncations("WebP animated", rich, riff_cuts(rich), expect=ANY)
    yield Picture("WebP animated", "animated", lambda: rich, FINE)
    many = [Image.new("RGB", (64, 64), (value, 0, 0)) for value in range(256)]
    endless = partial(samples.saved, "WEBP", many[0], save_all=True, append_images=many * 4)
    yield Picture("WebP of a thousand frames", "animated", endless, FINE)
    for name, place, value, expect in (
        ("lossy 16383x16383 announced", 26, b"\xff\x3f\xff\x3f", TOO_LARGE),
        ("lossy 0x0 announced", 26, bytes(4), NO_PICTURE),
        ("lossy 7000x7000 announced", 26, struct.pack("<HH", 7000, 7000), ANY),
        ("RIFF length 0", 4, bytes(4), NO_PICTURE),
        ("RIFF length 4294967295", 4, b"\xff" * 4, ANY),
        ("chunk length 4294967295", 16, b"\xff" * 4, NO_PICTURE),
        ("chunk length 0", 16, bytes(4), NO_PICTURE),
        ("of an unknown chunk", 12, b"ABCD", NO_PICTURE),
        ("of noise", 30, b"\xaa" * 40, ANY),
    ):
        make = partial(replaced, lossy, place, value)
        yield Picture(f"WebP {name}", "sizes" if "x" in name else "chunks", make, expect, is_heavy="7000" in name)
    canvas = rich.index(b"VP8X") + 12
    make = partial(replaced, rich, canvas, b"\xff" * 6)
    yield Picture("WebP canvas of 16777216x16777216", "sizes", make, TOO_LARGE)
    yield Picture(
        "WebP lossless, 16384x16384 announced", "sizes", partial(replaced, lossless, 21, b"\xff" * 4), TOO_LARGE
    )
    for width, height in ((1, 1), (1, 16383), (16383, 1)):
        make = partial(samples.saved, "WEBP", Image.new("RGB", (width, height)), lossless=True)
        yield Picture(f"WebP {width}x{height}", "sizes", make, FINE)
    for mode in ("RGB", "RGBA"):
        make = partial(samples.saved, "WEBP", Image.new(mode, (7000, 7000)), lossless=True, quality=0, method=0)
        yield Picture(f"WebP bomb {mode}", "bombs", make, FINE, is_heavy=True)


def bmp(width: int, height: int, bits: int, body: bytes, compression: int = 0, header: int = 40) -> bytes:
    """A BMP with a grey palette where it needs one."""
    palette = b"".join(bytes((value, value, value, 0)) for value in range(2**bits)) if bits <= 8 else b""
    offset = _BMP_HEAD + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset)
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(body), 0, 0, 0, 0)
    return head + info + palette + body


def bmps() -> Iterator[Picture]:
    """BMP: the BITMAPINFOHEADER of Windows."""
    good = samples.saved("BMP")
    places = (
        ("within magic", 1),
        ("behind magic", 2),
        ("within header", 20),
        ("behind header", 54),
        ("within pixels", 999),
    )
    yield from truncations("BMP", good, (*places, ("before the last byte", len(good) - 1)))
    for width, height, expect in (
        (0, 0, CORRUPT),
        (-64, 64, CORRUPT),
        (2**31 - 1, 2**31 - 1, TOO_LARGE),
        (64, -(2**31), TOO_LARGE),
        (65535, 1, NO_PICTURE),
        (7000, 7000, NO_PICTURE),
    ):
        yield Picture(
            f"BMP {width}x{height} announced",
            "sizes",
            partial(bmp, width, height, 24, b""),
            expect,
            is_heavy=width == 7000,
        )
    rows = bytes(range(256)) * 16
    yield Picture("BMP top to bottom", "kinds", partial(bmp, 64, -64, 8, rows), FINE)
    for bits in (0, 1, 2, 3, 4, 8, 16, 24, 32, 64):
        yield Picture(f"BMP {bits} bits", "kinds", partial(bmp, 64, 64, bits, rows * 4), ANY)
    for compression in (1, 2, 3, 4, 5, 6, 11, 99):
        yield Picture(f"BMP compression {compression}", "kinds", partial(bmp, 64, 64, 8, rows, compression), ANY)
    runs = partial(bmp, 2000, 2000, 8, b"\1\1" * 4_000_000 + b"\0\1", 1)
    yield Picture("BMP of 4 million runs", "chunks", runs, frozenset({"picture_format_unsupported"}))
    yield Picture(
        "BMP of half a million runs", "chunks", partial(bmp, 700, 700, 8, b"\1\1" * 490_000 + b"\0\1", 1), ANY
    )
    yield Picture(
        "BMP bomb of runs", "bombs", partial(bmp, 7000, 7000, 8, b"\xff\0" * 196_000 + b"\0\1", 1), ANY, is_heavy=True
    )
    yield Picture("BMP run beyond the end", "chunks", partial(bmp, 64, 64, 8, b"\0\2\xff\xff" * 99 + b"\0\1", 1), ANY)
    yield Picture("BMP bit by bit", "bombs", partial(bmp, 7000, 7000, 1, bytes(876 * 7000)), FINE, is_heavy=True)
    yield Picture("BMP palette of 4 billion", "chunks", partial(replaced, bmp(64, 64, 8, rows), 46, b"\xff" * 4), ANY)
    yield Picture("BMP pixels at 4 GB", "chunks", partial(replaced, good, 10, b"\xff" * 4), NO_PICTURE)


def ico(*pictures: bytes, count: int | None = None, offset: int | None = None) -> bytes:
    """An icon file of these pictures."""
    start = 6 + 16 * len(pictures)
    entries, bodies = b"", b""
    for picture in pictures:
        place = start + len(bodies) if offset is None else offset
        entries += struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(picture), place)
        bodies += picture
    return struct.pack("<HHH", 0, 1, len(pictures) if count is None else count) + entries + bodies


def icos() -> Iterator[Picture]:
    """ICO: a directory of PNGs and BMPs without their file header."""
    small = samples.saved("PNG")
    good = ico(small)
    places = (
        ("within magic", 2),
        ("behind magic", 4),
        ("behind count", 6),
        ("within entry", 14),
        ("within picture", 60),
    )
    yield from truncations("ICO", good, places)
    for name, data, expect in (
        ("of a bomb", ico(png(65535, 65535, stream=b"")), TOO_LARGE),
        ("of no pictures", ico(), CORRUPT),
        ("of 65535 pictures announced", ico(small, count=65535), ANY),
        ("of 4000 pictures", ico(*[small] * 4000), ANY),
        ("of itself", ico(small, offset=0), ANY),
        ("beyond the end", ico(small, offset=2**32 - 1), CORRUPT),
        ("of a JPEG", ico(samples.saved("JPEG")), ANY | TOO_LARGE),
        ("of a huge DIB", ico(bmp(65535, 65535, 32, b"")[14:]), TOO_LARGE),
        ("of a DIB cut short", ico(bmp(64, 128, 32, b"")[14:]), NO_PICTURE),
    ):
        yield Picture(f"ICO {name}", "chunks", partial(bytes, data), expect)


def pictures() -> Iterator[Picture]:
    """All of them."""
    yield from webps()
    yield from bmps()
    yield from icos()
