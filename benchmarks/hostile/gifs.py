"""Hostile GIFs: GIF89a, sections 15 to 27."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from PIL import Image

from benchmarks.hostile import samples
from benchmarks.hostile.case import ANY, CORRUPT, FINE, NO_PICTURE, TOO_LARGE, Cuts, Picture, replaced, truncations

_COMMENT, _APPLICATION, _UNKNOWN = b"\x21\xfe", b"\x21\xff", b"\x21\x42"


def _good() -> bytes:
    return samples.saved("GIF", comment=b"c")


def _palette_end(data: bytes) -> int:
    return 13 + (3 << ((data[10] & 7) + 1))


def _with_blocks(blocks: bytes) -> bytes:
    data = _good()
    place = _palette_end(data)
    return data[:place] + blocks + data[place:]


def cuts(data: bytes) -> Cuts:
    """In each part."""
    yield "within magic", 3
    yield "behind magic", 6
    yield "within screen", 10
    yield "behind screen", 13
    position = _palette_end(data)
    yield "within palette", (13 + position) // 2
    number = 0
    while data[position] != 0x3B:
        number += 1
        kind = "extension" if data[position] == 0x21 else "frame"
        yield f"before {kind} {number}", position
        if kind == "frame":
            yield f"within {kind} {number}", position + 5
            position += 10 + (3 << ((data[position + 9] & 7) + 1) if data[position + 9] & 0x80 else 0)
            yield f"before data {number}", position
            position += 1
        else:
            position += 2
            yield f"behind label {number}", position
        block = 0
        while length := data[position]:
            block += 1
            yield f"within block {number}.{block}", position + 1 + length // 2
            position += 1 + length
        yield f"before terminator {number}", position
        position += 1
    yield "before trailer", position


def pictures() -> Iterator[Picture]:
    """All of them."""
    good = _good()
    yield from truncations("GIF", good, cuts(good), harmless=("before terminator", "before trailer"))
    for name, width, height, expect in (
        ("0x0", 0, 0, ANY),
        ("65535x65535", 65535, 65535, TOO_LARGE),
        ("65535x1", 65535, 1, ANY | TOO_LARGE),
        ("1x1", 1, 1, ANY),
    ):
        make = partial(replaced, good, 6, struct.pack("<HH", width, height))
        yield Picture(f"GIF screen {name}", "sizes", make, expect)
    frame = good.index(b"\x2c", _palette_end(good))
    for name, box, expect in (
        ("of no pixels", (0, 0, 0, 0), ANY),
        ("of 65535x65535", (0, 0, 65535, 65535), TOO_LARGE),
        ("far outside", (65000, 65000, 112, 112), TOO_LARGE),
        ("beyond the screen", (50, 50, 112, 112), ANY),
    ):
        make = partial(replaced, good, frame + 1, struct.pack("<4H", *box))
        yield Picture(f"GIF frame {name}", "sizes", make, expect)
    bomb = partial(samples.saved, "GIF", Image.new("P", (7000, 7000)))
    yield Picture("GIF bomb", "bombs", bomb, FINE, is_heavy=True)
    yield from _blocks()
    yield from _kinds(good)


def _blocks() -> Iterator[Picture]:
    for name, blocks, expect in (
        ("5 MB of comment", _COMMENT + (b"\xff" + b"a" * 255) * 19_000 + b"\0", FINE),
        ("20 MB of comment", _COMMENT + (b"\xff" + b"a" * 255) * 80_000 + b"\0", CORRUPT | {"picture_bytes_exceeded"}),
        ("million blocks of a byte", _COMMENT + b"\1a" * 10**6 + b"\0", CORRUPT),
        ("million empty extensions", (_UNKNOWN + b"\0") * 10**6, CORRUPT),
        ("a thousand comments", (_COMMENT + b"\1a\0") * 1000, FINE),
        ("XMP without trailer", _APPLICATION + b"\x0bXMP DataXMP" + b"<x/>" * 1000 + b"\0", ANY),
        ("a loop of 65535", _APPLICATION + b"\x0bNETSCAPE2.0\3\1\xff\xff\0", FINE),
        ("a loop cut short", _APPLICATION + b"\x0bNETSCAPE2.0\0", ANY),
        ("graphic control of length 0", b"\x21\xf9\0", ANY),
        ("graphic control of length 255", b"\x21\xf9\xff" + bytes(255) + b"\0", ANY),
        ("an unknown block", b"\x99\1a\0", ANY),
        ("a trailer before the frame", b"\x3b", NO_PICTURE),
    ):
        yield Picture(f"GIF {name}", "chunks", partial(_with_blocks, blocks), expect)


def _kinds(good: bytes) -> Iterator[Picture]:
    data = good.index(b"\x2c", _palette_end(good)) + 10
    for bits in (0, 1, 12, 13, 255):
        yield Picture(f"GIF codes of {bits} bits", "kinds", partial(replaced, good, data, bytes([bits])), ANY)
    yield Picture(
        "GIF without palette", "kinds", lambda: good[:10] + b"\0" + good[11:13] + good[_palette_end(good) :], ANY
    )
    frames = [samples.square().rotate(turn) for turn in (90, 180, 270)]
    yield Picture("GIF animated", "animated", partial(samples.saved, "GIF", save_all=True, append_images=frames), FINE)
    many = [Image.new("L", (64, 64), value) for value in range(256)]
    endless = partial(samples.saved, "GIF", many[0], save_all=True, append_images=many * 4)
    yield Picture("GIF of a thousand frames", "animated", endless, FINE)
    clear = partial(samples.saved, "GIF", samples.square().quantize(16), transparency=0)
    yield Picture("GIF transparent", "kinds", clear, FINE)
