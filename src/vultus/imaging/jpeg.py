"""JPEG to pixels, by libjpeg-turbo, whose warnings are heard: a picture filled up with grey is no picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

from vultus.errors import CorruptPicture, TooManyScans, UnsupportedFormat
from vultus.imaging.exif import read_orientation, turn_upright
from vultus.imaging.header import check_size
from vultus.types import Image

MAX_SCANS = 100
"""Each scan of a progressive JPEG costs a pass over the whole picture; encoders write about ten."""

_MAX_SEGMENTS = 10_000  # before the first scan; an ICC profile has at most 255, and XMP of 20 MB some 300

_STRIP = 2**16  # pixels converted at once: what stays in the processor's cache

_PARTS = (8, 4, 2)  # of a picture's size that it may be decoded at

_TURNED = range(5, 9)  # EXIF orientations that exchange width and height

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2 = 0xE0, 0xE1, 0xE2
_MARKER = re.compile(rb"\xff[^\xff\x00\x01\xd0-\xd8]")  # one with a length, or the end; fill bytes may precede it
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_READABLE = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive; Huffman or arithmetic


@dataclass(frozen=True, slots=True)
class _Header:
    """What the segments before the first scan say.

    Attributes:
        process: The frame marker, which names the coding process.
        precision: Bits of a sample.
        components: Colour channels.
        one_scan: The first scan holds all of the picture.
        orientation: EXIF orientation, 1 to 8.
    """

    process: int
    precision: int
    components: int
    one_scan: bool
    orientation: int


class Decoded(NamedTuple):
    """Pixels, and how large the picture is that they show.

    Attributes:
        pixels: RGB uint8 ``(h, w, 3)``, C-contiguous, writable.
        width, height: Of the upright picture; larger than that of ``pixels`` where it was decoded smaller.
    """

    pixels: Image
    width: int
    height: int


def decode_jpeg(data: bytes, max_pixels: int, least: int = 0, max_scans: int = MAX_SCANS) -> Decoded:
    """Pixels of a JPEG, upright.

    Args:
        data: The JPEG.
        max_pixels: Most pixels it may have.
        least: If above 0, the picture may come at a half, a quarter or an eighth of its size (the inverse DCT then
            computes no more), but its longer side not below this.
        max_scans: Most scans it may have.

    The accurate integer DCT and smooth upsampling are used, so that pixels equal those of every decoder built on
    libjpeg. CMYK and YCCK are taken as stored inverted, as Adobe's encoders do and as Pillow and OpenCV assume.

    Faults that cannot touch a pixel are forgiven: bytes between header segments, behind the last scan or behind the
    end, an unknown JFIF revision, needless scan parameters, a damaged ICC profile. A JPEG without its end marker is
    truncated; a progressive one that ends in order after some of its scans is whole, only coarser.

    Raises:
        CorruptPicture: Truncated or damaged.
        UnsupportedFormat: Of a kind hardly ever met: 12 bits, lossless, hierarchical, odd chroma subsampling.
        TooManyPixels: The header announces more than ``max_pixels``.
        TooManyScans: It has more than ``max_scans``.
        IndexError: Truncated inside the header.
    """
    header = _read_header(data)
    limits = _Wanted(max_pixels, least, max_scans)
    try:
        image, size = _decode(data, header, limits)
    except ValueError as error:
        image, size = _decode_tidied(data, header, limits, error)
    pixels = turn_upright(image, header.orientation)
    width, height = reversed(size) if header.orientation in _TURNED else size
    return Decoded(pixels, width, height)


def is_streamed(data: bytes) -> bool:
    """Whether a JPEG is decoded row by row to three channels at most: others are held in memory as a whole."""
    try:
        header = _read_header(data)
    except (CorruptPicture, IndexError):
        return False
    return header.one_scan and header.components <= 3


class _Wanted(NamedTuple):
    max_pixels: int
    least: int
    max_scans: int


def _decode(data: bytes, header: _Header, wanted: _Wanted, *, strict: bool = True) -> tuple[Image, tuple[int, int]]:
    height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    check_size(width, height, wanted.max_pixels)
    if not header.one_scan and data.count(b"\xff\xda") > wanted.max_scans:
        raise TooManyScans(
            f"the JPEG picture has more scans than max_jpeg_scans ({wanted.max_scans}) allows; "
            "save it anew or raise the limit",
            limit="max_jpeg_scans",
        )
    part = next((part for part in _PARTS if wanted.least and max(width, height) // part >= wanted.least), 1)
    sides = (-(-height // part), -(-width // part)) if part > 1 else (0, 0)
    if colorspace in ("CMYK", "YCCK"):
        return _cmyk_to_rgb(_pixels(data, "CMYK", sides, strict)), (width, height)
    return _pixels(data, "RGB", sides, strict), (width, height)


def _pixels(data: bytes, colorspace: str, sides: tuple[int, int], strict: bool) -> Image:
    pixels: Image = simplejpeg.decode_jpeg(
        data,
        colorspace,
        fastdct=False,
        fastupsample=False,
        min_height=sides[0],
        min_width=sides[1],
        strict=strict,
    )
    return pixels


def _cmyk_to_rgb(inverted: Image) -> Image:
    """Each colour times black, both stored inverted, rounded: what Pillow computes."""
    height, width = inverted.shape[:2]
    pixels: Image = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = inverted[top : top + rows]
        black = strip[..., 3]
        colours = np.ascontiguousarray(strip[..., :3])
        cv2.multiply(colours, cv2.merge((black, black, black)), dst=pixels[top : top + rows], scale=1 / 255)
    return pixels


def _decode_tidied(data: bytes, header: _Header, wanted: _Wanted, error: ValueError) -> tuple[Image, tuple[int, int]]:
    """Once more, with the header's harmless faults mended."""
    tidied = _tidy(data, header)
    try:
        if tidied != data:
            return _decode(tidied, header, wanted)
    except ValueError as again:
        error = again
    # libjpeg reports its first warning only. Where this is it, all scans are done and none can follow; but a search for
    # a restart marker may also meet the end.
    if str(error).endswith("extraneous bytes before marker 0xd9") and b"\xff\xdd" not in data:
        return _decode(tidied, header, wanted, strict=False)
    if header.process not in _READABLE or header.precision != 8 or "subsampling" in str(error):
        raise UnsupportedFormat(
            "this kind of JPEG (12-bit, lossless, hierarchical or unusually subsampled) is not read here; "
            "save it as a baseline or progressive JPEG"
        ) from error
    raise CorruptPicture(f"the JPEG picture is truncated or damaged: {error}") from error


def _read_header(data: bytes) -> _Header:
    process, precision, components, orientation = 0, 0, 0, 0
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            process, precision, components = marker, data[start], data[start + 5]
        elif marker == _APP1 and not orientation and data.startswith(b"Exif\0", start):
            orientation = read_orientation(data[start:end])
    one_scan = process in _SEQUENTIAL and data[start] == components  # the last segment is the scan's header
    return _Header(process, precision, components, one_scan, orientation or 1)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, first byte and end of the contents of each segment, to the first scan's header inclusive.

    Bytes between segments are skipped. ITU-T T.81, annex B.1.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise CorruptPicture("the JPEG picture is truncated: it ends inside its header")
        marker, position = found[0][-1], found.end()
        if marker == _EOI:
            raise CorruptPicture("the JPEG picture is damaged: it ends before its first scan")
        end = position + (data[position] << 8 | data[position + 1])
        yield marker, position + 2, end
        if marker == _SOS:
            return
        position = end
    raise CorruptPicture(f"the JPEG picture is damaged: its header has more than {_MAX_SEGMENTS} segments")


def _tidy(data: bytes, header: _Header) -> bytes:
    """The same picture with nothing between its header segments and without values that decoders only warn of."""
    parts = [b"\xff\xd8"]
    end = len(data)
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker == _APP2 and body.startswith(b"ICC_PROFILE\0"):
            continue
        if marker == _APP0 and body.startswith(b"JFIF\0"):
            body = body[:5] + b"\1" + body[6:]  # major revision
        elif marker == _SOS and header.process in _SEQUENTIAL:
            body = body[:-3] + b"\0\x3f\0"  # the whole spectrum, all bits
        parts += [bytes((0xFF, marker)), (len(body) + 2).to_bytes(2), body]
    return b"".join([*parts, data[end:]])
