"""Hostile TIFFs: TIFF 6.0, section 2, and the same with 64 bits (BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from PIL import Image

from benchmarks.hostile import samples
from benchmarks.hostile.case import ANY, CORRUPT, FINE, NO_PICTURE, TOO_LARGE, UNSUPPORTED, Cuts, Picture, truncations

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS = (
    256, 257, 258, 259, 262, 273, 274, 277, 278, 279,
)  # fmt: skip
_SHORT, _LONG, _BYTE = 3, 4, 1
_PIXELS = 4096  # where they stand

Tags = Mapping[int, tuple[int, int, int]]
"""Tag -> type, count, value or offset."""


def tiff(
    tags: Tags | None = None, width: int = 64, height: int = 64, *, size: int = 0, entries: int | None = None
) -> bytes:
    """A grey TIFF of one strip.

    Args:
        tags: Others, or instead.
        width: In pixels.
        height: In pixels.
        size: Bytes of the file at least.
        entries: How many entries it says its directory has.
    """
    plain: dict[int, tuple[int, int, int]] = {
        WIDTH: (_LONG, 1, width),
        LENGTH: (_LONG, 1, height),
        BITS: (_SHORT, 1, 8),
        COMPRESSION: (_SHORT, 1, 1),
        PHOTOMETRIC: (_SHORT, 1, 1),
        OFFSETS: (_LONG, 1, _PIXELS),
        SAMPLES: (_SHORT, 1, 1),
        ROWS: (_LONG, 1, height),
        COUNTS: (_LONG, 1, width * height),
    }
    used = sorted((plain | dict(tags or {})).items())
    directory = struct.pack("<H", len(used) if entries is None else entries)
    directory += b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in used) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 8) + directory
    return head.ljust(max(_PIXELS, len(head)) + width * height, b"\x60").ljust(size, b"\0")


def cuts(data: bytes) -> Cuts:
    """In the header, in each directory entry, and in the pixels."""
    yield "within magic", 2
    yield "behind magic", 4
    yield "behind header", 8
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    yield "before directory", directory
    for entry in range(entries + 1):
        yield f"before entry {entry}", directory + 2 + 12 * entry
        yield f"within entry {entry}", directory + 8 + 12 * entry
    yield "within pixels", len(data) // 2
    yield "before the last byte", len(data) - 1


def pictures() -> Iterator[Picture]:
    """All of them."""
    ours = tiff()
    yield from truncations("TIFF", ours, cuts(ours))
    packed = samples.saved("TIFF", compression="tiff_lzw")
    yield from truncations(
        "TIFF LZW", packed, cuts(packed), harmless=("before the last", "within entry", "before entry")
    )
    yield from _sizes()
    yield from _directories()
    yield from _kinds()
    for orientation in range(10):
        make = partial(tiff, {ORIENTATION: (_SHORT, 1, orientation)})
        yield Picture(f"TIFF orientation {orientation}", "orientation", make, FINE)


def _sizes() -> Iterator[Picture]:
    for width, height, expect in (
        (0, 0, CORRUPT),
        (0, 64, CORRUPT),
        (2**32 - 1, 2**32 - 1, TOO_LARGE | CORRUPT),
        (65535, 65535, TOO_LARGE),
        (7000, 7000, NO_PICTURE),
    ):
        make = partial(tiff, {WIDTH: (_LONG, 1, width), LENGTH: (_LONG, 1, height)})
        yield Picture(f"TIFF {width}x{height} announced", "sizes", make, expect, is_heavy=width == 7000)
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "group4"):
        mode = "1" if kind == "group4" else "RGB"
        make = partial(samples.saved, "TIFF", Image.new(mode, (7000, 7000)), compression=kind)
        yield Picture(f"TIFF bomb, {kind}", "bombs", make, FINE, is_heavy=True)
    for name, tags in (
        ("strip of 4 GB", {COUNTS: (_LONG, 1, 2**32 - 1)}),
        ("strip beyond the end", {OFFSETS: (_LONG, 1, 2**31)}),
        ("strip before the end", {OFFSETS: (_LONG, 1, 2**32 - 1)}),
        (
            "tiles of 65535x65535",
            {322: (_LONG, 1, 65535), 323: (_LONG, 1, 65535), 324: (_LONG, 1, 8), 325: (_LONG, 1, 8)},
        ),
        ("tiles of 0x0", {322: (_LONG, 1, 0), 323: (_LONG, 1, 0), 324: (_LONG, 1, 8), 325: (_LONG, 1, 8)}),
        ("no rows in a strip", {ROWS: (_LONG, 1, 0)}),
        ("65535 samples", {SAMPLES: (_SHORT, 1, 65535)}),
        ("0 samples", {SAMPLES: (_SHORT, 1, 0)}),
    ):
        yield Picture(f"TIFF {name}", "sizes", partial(tiff, tags), ANY | TOO_LARGE)


def _directories() -> Iterator[Picture]:
    strips = 10**6
    many = {OFFSETS: (_LONG, strips, _PIXELS), COUNTS: (_LONG, strips, _PIXELS), ROWS: (_LONG, 1, 1)}
    yield Picture("TIFF of a million strips", "chunks", lambda: tiff(many, 1, strips, size=4 * 10**6 + 8192), CORRUPT)
    whole = dict.fromkeys(range(40000, 40300), (_BYTE, 10**6, 8))
    yield Picture("TIFF of 300 tags, all of it each", "chunks", lambda: tiff(whole, size=10**6 + 8), ANY)
    thousands = dict.fromkeys(range(1000, 60000), (_BYTE, 10**6, 8))
    yield Picture("TIFF of 59,000 tags, all of it each", "chunks", lambda: tiff(thousands, size=2 * 10**6), ANY)
    yield Picture("TIFF of 65535 entries announced", "chunks", lambda: tiff(entries=65535, size=10**6), ANY)
    yield Picture("TIFF of no entries", "chunks", lambda: tiff(entries=0), CORRUPT)
    for name, tags in (
        ("ICC of 4 GB", {34675: (7, 2**32 - 1, 8)}),
        ("XMP of nonsense", {700: (_BYTE, 4000, 8)}),
        ("EXIF pointing to itself", {34665: (_LONG, 1, 8)}),
        ("sub-directories pointing to themselves", {330: (_LONG, 3, 8)}),
        ("width as text", {WIDTH: (2, 4, 0x34363400)}),
        ("width of type 99", {WIDTH: (99, 1, 64)}),
        ("width as NaN", {WIDTH: (11, 1, 0x7FC00000)}),
        ("a million widths", {WIDTH: (_LONG, 10**6, 8)}),
        ("a fraction by zero", {282: (5, 1, 8)}),
        ("palette of nothing", {PHOTOMETRIC: (_SHORT, 1, 3)}),
    ):
        yield Picture(f"TIFF {name}", "chunks", partial(tiff, tags), ANY | TOO_LARGE)
    yield Picture("TIFF directory at itself", "chunks", lambda: b"II*\0\0\0\0\0" + bytes(64), CORRUPT)
    yield Picture("TIFF directory beyond the end", "chunks", lambda: b"MM\0*\xff\xff\xff\xff" + bytes(64), CORRUPT)
    yield Picture(
        "BigTIFF of 2**64 entries", "chunks", lambda: b"II+\0\x08\0\0\0" + b"\x10" + bytes(7) + b"\xff" * 99, CORRUPT
    )
    yield Picture("BigTIFF cut", "chunks", lambda: b"MM\0+\0\x08\0\0", CORRUPT)


def _kinds() -> Iterator[Picture]:
    for compression in (2, 5, 6, 7, 8, 32773, 34661, 34712, 34925, 50000, 50001, 50002, 65535):
        make = partial(tiff, {COMPRESSION: (_SHORT, 1, compression)})
        yield Picture(f"TIFF of grey in compression {compression}", "kinds", make, NO_PICTURE | FINE)
    for name, values in (
        ("float", np.full((64, 64), 0.5, np.float32)),
        ("float of NaN", np.full((64, 64), np.nan, np.float32)),
        ("32 bits", np.full((64, 64), 2**30, np.int32)),
    ):
        yield Picture(f"TIFF {name}", "kinds", partial(samples.saved, "TIFF", Image.fromarray(values)), UNSUPPORTED)
    grey16 = Image.fromarray(np.full((64, 64), 40000, np.uint16))
    yield Picture("TIFF 16 bits", "kinds", partial(samples.saved, "TIFF", grey16), FINE)
    for mode in ("1", "L", "P", "RGBA", "CMYK", "YCbCr"):
        yield Picture(f"TIFF {mode}", "kinds", partial(samples.saved, "TIFF", samples.square().convert(mode)), FINE)
    yield Picture("TIFF LAB", "kinds", partial(samples.saved, "TIFF", Image.new("LAB", (64, 64))), UNSUPPORTED)
    jpeg = partial(samples.saved, "TIFF", compression="jpeg")
    yield Picture("TIFF of JPEG", "kinds", jpeg, FINE)
    pages = [samples.square().rotate(turn) for turn in (90, 180)]
    yield Picture("TIFF of pages", "animated", partial(samples.saved, "TIFF", save_all=True, append_images=pages), FINE)
