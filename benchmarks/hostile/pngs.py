"""Hostile PNGs. Chunks: ISO/IEC 15948, section 5; bombs are deflated zeros, a thousandth of what they become."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache, partial

from benchmarks.hostile import samples
from benchmarks.hostile.case import (
    ANY,
    CORRUPT,
    FINE,
    NO_PICTURE,
    TOO_LARGE,
    Cuts,
    Picture,
    replaced,
    truncations,
    turned,
)

MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    colour: int = 2,
    bits: int = 8,
    *,
    interlaced: int = 0,
    before: bytes = b"",
    stream: bytes | None = None,
) -> bytes:
    """A black PNG.

    Args:
        width: In pixels.
        height: In pixels.
        colour: Its colour type.
        bits: Of a sample.
        interlaced: 1: in the order of Adam7.
        before: Chunks before the image data.
        stream: Compressed data instead of zeros.
    """
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    data = (
        _zeros((interlaced * 8 + 1 + (width * bits * _CHANNELS[colour] + 7) // 8) * height)
        if stream is None
        else stream
    )
    return MAGIC + header + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@cache
def _zeros(count: int) -> bytes:
    """So many zeros, deflated."""
    packer, piece = zlib.compressobj(9), bytes(2**20)
    parts = [packer.compress(piece) for _ in range(count // len(piece))]
    return b"".join([*parts, packer.compress(bytes(count % len(piece))), packer.flush()])


def cuts(data: bytes) -> Cuts:
    """Within the signature, and in each part of each chunk."""
    yield "within signature", 4
    yield "behind signature", 8
    position = 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8].decode()
        yield f"{kind} length", position + 2
        yield f"{kind} kind", position + 6
        yield f"{kind} body", position + 8 + length // 2
        yield f"{kind} checksum", position + 10 + length
        position += 12 + length
        yield f"{kind} behind", position


def pictures() -> Iterator[Picture]:
    """All of them."""
    good = samples.saved("PNG", exif=samples.exif(), icc_profile=samples.profile())
    # Only pixels have to be whole.
    yield from truncations("PNG", good, cuts(good), harmless=("IEND", "IDAT checksum", "IDAT behind"))
    yield from _sizes()
    yield from _chunks()
    yield from _kinds(good)
    yield from turned("PNG")


def _sizes() -> Iterator[Picture]:
    for width, height, expect in (
        (0, 0, CORRUPT),
        (0, 9, CORRUPT),
        (9, 0, CORRUPT),
        (2**31 - 1, 2**31 - 1, TOO_LARGE),
        (2**32 - 1, 1, TOO_LARGE),
        (65535, 65535, TOO_LARGE),
        (50_000_001, 1, TOO_LARGE),
        (7000, 7000, NO_PICTURE),
    ):
        make = partial(png, width, height, stream=zlib.compress(bytes(99)))
        yield Picture(
            f"PNG {width}x{height} announced", "sizes", make, expect, is_heavy=(width, height) == (7000, 7000)
        )
    for width, height in ((1, 1), (1, 65535), (65535, 1), (1, 400_000), (400_000, 1)):
        yield Picture(f"PNG {width}x{height}", "sizes", partial(png, width, height), FINE)
    for colour, bits in ((0, 1), (0, 16), (2, 8), (6, 8), (6, 16)):
        make = partial(png, 7000, 7000, colour, bits)
        yield Picture(f"PNG bomb of colour type {colour}, {bits} bits", "bombs", make, FINE, is_heavy=True)
    yield Picture("PNG bomb, interlaced", "bombs", partial(png, 7000, 7000, interlaced=1), FINE, is_heavy=True)
    yield Picture("PNG of 400 MB more than its size", "bombs", lambda: png(9, 9, stream=_zeros(4 * 10**8)), ANY)
    yield Picture("PNG of a row too few", "bombs", lambda: png(9, 9, stream=zlib.compress(bytes(8 * 28))), CORRUPT)


def _chunks() -> Iterator[Picture]:
    text = chunk(b"tEXt", b"k\0v")
    for name, before, expect in (
        ("half a million chunks", chunk(b"abCd", b"") * 500_000, CORRUPT),
        ("half a million texts", text * 500_000, CORRUPT),
        ("half a million empty IDAT", chunk(b"IDAT", b"") * 500_000, CORRUPT),
        ("15,000 texts", text * 15_000, FINE),
        ("text bomb", chunk(b"zTXt", b"k\0\0" + _zeros(10**9)), ANY),
        ("international text bomb", chunk(b"iTXt", b"k\0\1\0\0\0" + _zeros(10**9)), ANY),
        ("XMP of 10 MB", chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<" * 10**7), ANY),
        ("ICC bomb", chunk(b"iCCP", b"icc\0\0" + _zeros(10**9)), ANY),
        ("ICC of nonsense", chunk(b"iCCP", b"icc\0\0nonsense"), ANY),
        ("EXIF of nonsense", chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"), FINE),
        ("EXIF of 65535 entries", chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(70000)), FINE),
        ("lying length", struct.pack(">I", 2**31 - 1) + b"tEXt" + b"k\0v", NO_PICTURE),
        ("length 4294967295", struct.pack(">I", 2**32 - 1) + b"tEXt" + b"k\0v", NO_PICTURE),
        ("wrong checksum", replaced(text, 11, b"\0\0\0\0"), ANY),
        ("critical unknown chunk", chunk(b"ABCD", b""), ANY),
        ("second header", chunk(b"IHDR", struct.pack(">IIBBBBB", 99999, 99999, 8, 2, 0, 0, 0)), ANY | TOO_LARGE),
        ("palette of nothing", chunk(b"PLTE", b""), ANY),
        ("end before the data", chunk(b"IEND", b""), NO_PICTURE),
        ("transparency of nothing", chunk(b"tRNS", b""), ANY),
        ("animation of 4 billion frames", chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0)), ANY),
        ("animation of no frames", chunk(b"acTL", struct.pack(">II", 0, 0)), ANY),
        ("kind of zeros", chunk(b"\0\0\0\0", b""), ANY),
    ):
        yield Picture(f"PNG {name}", "chunks", partial(png, 64, 64, before=before), expect)


def _kinds(good: bytes) -> Iterator[Picture]:
    for name, place, value in (
        ("9 bits", 24, 9),
        ("colour type 7", 25, 7),
        ("compression 1", 26, 1),
        ("filter method 9", 27, 9),
        ("interlace method 2", 28, 2),
    ):
        yield Picture(f"PNG {name}", "kinds", partial(replaced, good, place, bytes([value])), ANY)
    for colour, bits in ((0, 1), (0, 2), (0, 4), (0, 16), (2, 16), (4, 8), (4, 16), (6, 16)):
        yield Picture(f"PNG of colour type {colour}, {bits} bits", "kinds", partial(png, 64, 64, colour, bits), FINE)
    yield Picture("PNG palette without palette", "kinds", partial(png, 64, 64, 3), ANY)
    yield Picture("PNG of filter 9", "kinds", lambda: png(9, 9, stream=zlib.compress(b"\x09" * 28 * 9)), ANY)
    yield Picture("PNG of no stream", "kinds", lambda: png(9, 9, stream=b""), NO_PICTURE)
    yield Picture("PNG of noise", "kinds", lambda: png(9, 9, stream=b"\xaa" * 999), NO_PICTURE)
    frames = [samples.square(), samples.square().rotate(90), samples.square().rotate(180)]
    animated = partial(samples.saved, "PNG", save_all=True, append_images=frames)
    yield Picture("PNG animated", "animated", animated, FINE)
