"""Hostile JPEGs. Markers and segments: ITU-T T.81, annex B."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from PIL import Image

from benchmarks.hostile import samples
from benchmarks.hostile.case import (
    ANY,
    CORRUPT,
    FINE,
    NO_PICTURE,
    TOO_LARGE,
    UNSUPPORTED,
    Cuts,
    Picture,
    truncations,
    turned,
)

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_SCANS = frozenset({"picture_scans_exceeded"})


def segment(marker: int, body: bytes) -> bytes:
    """One segment with its length."""
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """The JPEG with more segments at its beginning."""
    return SOI + b"".join(segments) + data[2:]


@cache
def good() -> bytes:
    """A small JPEG."""
    return samples.saved("JPEG")


def announcing(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    frame = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data)
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def cuts(data: bytes) -> Cuts:
    """Within and behind each segment, and within each scan."""
    position, number = 2, 0
    yield "behind SOI", 2
    while position < len(data) - 2:
        marker = data[position + 1]
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        number += 1
        name = f"{marker:02X} {number}"
        yield f"before {name}", position
        yield f"behind marker {name}", position + 2
        yield f"within {name}", (position + 4 + end) // 2
        if marker == 0xDA:
            scan = end
            while not (data[scan] == 0xFF and data[scan + 1] not in (0, *range(0xD0, 0xD8))):
                scan += 1
            yield f"within scan {number}", (end + scan) // 2
            end = scan
        position = end
    yield "before EOI", len(data) - 2
    yield "within EOI", len(data) - 1


@cache
def many_scans(side: int, scans: int) -> bytes:
    """A grey progressive JPEG of ``scans`` good scans that change nothing, a few bytes each.

    First all DC coefficients are 0; then each AC coefficient gets its bits one by one (annex G), and a single run of
    empty blocks says that all are 0.
    """
    blocks = (-(-side // 8)) ** 2
    parts = [
        SOI,
        segment(0xDB, b"\0" + b"\1" * 64),
        segment(0xC2, struct.pack(">BHHBBBB", 8, side, side, 1, 1, 0x11, 0)),
    ]
    parts.append(segment(0xC4, b"\0" + b"\1" + b"\0" * 15 + b"\0"))  # DC: the code 0 is "no difference"
    parts.append(
        segment(0xC4, b"\x10" + b"\1" + b"\0" * 15 + b"\xe0")
    )  # AC: the code 0 is "2**14 empty blocks and more"
    parts += [segment(0xDA, b"\1\1\0\0\0\0"), b"\0" * (blocks // 8) + b"\x7f"]
    runs = []
    while blocks:
        run = min(blocks, 2**15 - 1)
        if run < 2**14:  # codes for shorter runs are not in the table; the picture is large enough, or a block more
            run = 2**14
        runs.append(f"0{run - 2**14:014b}")
        blocks -= min(run, blocks)
    bits = "".join(runs)
    bits += "1" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    for number in range(scans - 1):
        place, level = number % 63 + 1, 13 - number // 63
        approximation = level if level == 13 else (level + 1) << 4 | level
        parts += [segment(0xDA, bytes((1, 1, 0, place, place, approximation))), body]
    return b"".join([*parts, EOI])


def pictures() -> Iterator[Picture]:
    """All of them."""
    baseline = samples.saved("JPEG", exif=samples.exif(), icc_profile=samples.profile())
    progressive = samples.saved("JPEG", progressive=True)
    yield from truncations("JPEG", baseline, cuts(baseline))
    # The end marker is all that is missing; a progressive picture lacks a scan then.
    yield from truncations("JPEG progressive", progressive, cuts(progressive))
    yield from _sizes()
    yield from _scans()
    yield from _segments()
    yield from _kinds()
    yield from turned("JPEG")


def _sizes() -> Iterator[Picture]:
    for width, height, expect in (
        (0, 0, NO_PICTURE),
        (0, 112, NO_PICTURE),
        (112, 0, NO_PICTURE),
        (65535, 65535, TOO_LARGE | NO_PICTURE),
        (65500, 65500, TOO_LARGE),
        (65535, 1, NO_PICTURE),
        (7000, 7100, NO_PICTURE),
    ):
        yield Picture(
            f"JPEG {width}x{height} announced",
            "sizes",
            partial(announcing, good(), width, height),
            expect,
            is_heavy=width * height > 10**6,
        )
    for width, height in ((1, 1), (1, 5000), (5000, 1), (65000, 1), (65000, 8), (1, 65000)):
        yield Picture(f"JPEG {width}x{height}", "sizes", partial(_plain, width, height), FINE)
    for name, how in (("baseline", {}), ("progressive", {"progressive": True}), ("CMYK", {"mode": "CMYK"})):
        yield Picture(f"JPEG bomb {name}", "bombs", partial(_plain, 7000, 7000, **how), FINE, is_heavy=True)


def _plain(width: int, height: int, mode: str = "RGB", **how: Any) -> bytes:  # noqa: ANN401 - as Pillow has it
    return samples.saved("JPEG", Image.new(mode, (width, height)), **how)


def _scans() -> Iterator[Picture]:
    yield Picture("JPEG 100 scans", "scans", partial(many_scans, 1024, 100), FINE)
    yield Picture("JPEG 100 scans, 49 million pixels", "scans", partial(many_scans, 7000, 100), FINE, is_heavy=True)
    for scans in (101, 800):
        yield Picture(f"JPEG {scans} scans", "scans", partial(many_scans, 1024, scans), _SCANS)
    progressive = samples.saved("JPEG", progressive=True)
    last = progressive.rindex(b"\xff\xda")
    yield Picture(
        "JPEG 5000 equal scans", "scans", lambda: progressive[:last] + progressive[last:-2] * 5000 + EOI, _SCANS
    )
    split = good()
    start = split.index(b"\xff\xda")
    yield Picture("JPEG baseline, 5000 scans", "scans", lambda: split[:-2] + split[start:-2] * 5000 + EOI, ANY | _SCANS)


def _segments() -> Iterator[Picture]:
    data = good()
    for name, extra, expect in (
        ("million comments", segment(0xFE, b"") * 10**6, CORRUPT),
        ("million fill bytes", b"\xff" * 10**6, FINE),
        ("million restart markers", b"\xff\xd0" * 500_000, ANY),
        ("million stuffed bytes", b"\xff\0" * 500_000, ANY),
        ("megabyte of nothing", bytes(10**6), ANY),
        ("255 ICC chunks of 64 kB", segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(65000)) * 255, FINE),
        ("ICC chunk 0 of 0", segment(0xE2, b"ICC_PROFILE\0\0\0"), FINE),
        ("XMP of 10 MB", segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 65000) * 155, FINE),
        ("EXIF without end", segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 4), FINE),
        ("EXIF of 65535 entries", segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60000)), FINE),
        ("EXIF pointing to itself", segment(0xE1, b"Exif\0\0II*\0\0\0\0\0" + bytes(12)), FINE),
        ("200 EXIF blocks", segment(0xE1, samples.exif()) * 200, FINE),
        ("length 0", b"\xff\xe5\0\0", ANY),
        ("length 1", b"\xff\xe5\0\1", ANY),
        ("length beyond the end", b"\xff\xe5\xff\xff", NO_PICTURE),
        ("quantisation table 15", segment(0xDB, b"\x0f" + b"\1" * 64), ANY),
        ("quantisation table of zeros", segment(0xDB, b"\0" + b"\0" * 64), ANY),
        ("Huffman table of 65535 codes", segment(0xC4, b"\0" + b"\xff" * 16 + bytes(4080)), NO_PICTURE),
        ("restart interval 1", segment(0xDD, b"\0\1"), NO_PICTURE),
        ("Adobe transform 200", segment(0xEE, b"Adobe\0\x64\0\0\0\0\xc8"), ANY),
        ("two frames", data[data.index(b"\xff\xc0") :][:19], ANY),
        ("SOI again", SOI * 9, ANY),
        ("end at once", EOI, CORRUPT),
    ):
        yield Picture(f"JPEG {name}", "segments", partial(with_segments, data, extra), expect)


def _kinds() -> Iterator[Picture]:
    data = samples.saved("JPEG", subsampling=0)
    frame = data.index(b"\xff\xc0")
    for name, place, new, expect in (
        ("lossless", 1, b"\xc3", UNSUPPORTED),
        ("hierarchical", 1, b"\xc5", UNSUPPORTED),
        ("12 bits", 4, b"\x0c", UNSUPPORTED),
        ("arithmetic", 1, b"\xc9", ANY),
        ("subsampled 3 to 1", 11, b"\x31", UNSUPPORTED),
        ("subsampled 0", 11, b"\0", NO_PICTURE),
        ("no components", 9, b"\0", NO_PICTURE),
        ("255 components", 9, b"\xff", NO_PICTURE),
        ("frame of length 2", 2, b"\0\2", NO_PICTURE),
    ):
        yield Picture(
            f"JPEG {name}",
            "kinds",
            lambda place=place, new=new: data[: frame + place] + new + data[frame + place + len(new) :],  # type: ignore[misc]
            expect,
        )
    for mode in ("L", "CMYK"):
        yield Picture(f"JPEG {mode}", "kinds", partial(samples.saved, "JPEG", samples.square().convert(mode)), FINE)
    cmyk = samples.saved("JPEG", samples.square().convert("CMYK"))
    yield Picture("JPEG YCCK", "kinds", partial(cmyk.replace, b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2"), FINE)
