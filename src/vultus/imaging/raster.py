"""Every format but JPEG to pixels, by Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.IcoImagePlugin import IcoFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vultus.errors import UnsupportedFormat
from vultus.imaging.exif import read_orientation, turn_upright
from vultus.imaging.header import announced_size, check_size, dib_size
from vultus.imaging.png import check_complete, is_interlaced, sample_bits
from vultus.imaging.sniff import Format, sniff
from vultus.imaging.structure import check_structure
from vultus.types import Image

# One reader each, by name: what Pillow would guess, or what an extension registers with it, is out of reach.
_READERS: dict[Format, Callable[[BytesIO], Pillow.Image]] = {
    "png": PngImageFile,
    "gif": GifImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
    "tiff": TiffImageFile,
}

_OPAQUE_MODES = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})

_STRIP = 2**18  # pixels converted at once

_TILE_WIDTH, _TILE_LENGTH, _BITS_PER_SAMPLE = 322, 323, 258  # TIFF 6.0 tags


def decode_raster(data: bytes, kind: Format, max_pixels: int) -> Image:
    """Pixels of a PNG, WebP, BMP, TIFF, GIF or ICO, upright: RGB uint8 ``(h, w, 3)``, C-contiguous, writable.

    Raises:
        UnsupportedFormat: Samples are floating point, signed, wider than 16 bits, or of a colour space without a
            conversion.
        TooManyPixels: There are more than ``max_pixels``.
        Exception: Nearly any, where the picture is truncated or damaged.
    """
    if size := announced_size(data, kind):
        check_size(*size, max_pixels)
    check_structure(data, kind)
    _mute_pillow()
    if kind == "ico":
        return _decode_icon(data, max_pixels)
    picture = _READERS[kind](BytesIO(data))
    check_size(*picture.size, max_pixels)
    if isinstance(picture, TiffImageFile):
        check_size(picture.tag_v2.get(_TILE_WIDTH, 1), picture.tag_v2.get(_TILE_LENGTH, 1), max_pixels)
    if kind == "png":
        picture.im = _unwritten(picture).im
    picture.load()  # applies a TIFF's orientation, which the others leave to us
    if kind == "png" and _may_be_unwritten(picture, data):
        check_complete(data)
    bits = sample_bits(data) if kind == "png" else 8
    exif = picture.info.get("exif", b"") if kind in ("png", "webp") else b""
    pixels = _flatten(picture, bits)
    picture.close()  # lets go of its own pixels before others are made
    return turn_upright(pixels, read_orientation(exif))


def _mute_pillow() -> None:
    """Keep Pillow's warnings about odd files out of the log, and out of the verdict where warnings are errors.

    A filter instead of ``catch_warnings``, which may lose the filters of other threads; setting it again is free.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _decode_icon(data: bytes, max_pixels: int) -> Image:
    """The largest picture of an icon file: a PNG, or a DIB of twice the height whose lower half is the mask.

    Its real size may be anything, whatever the directory says.
    """
    icon = IcoFile(BytesIO(data))
    offset = icon.entry[0].offset
    if sniff(data[offset : offset + 8]) == "png":
        return decode_raster(data[offset:], "png", max_pixels)
    width, height = dib_size(data, offset)
    check_size(width, height // 2, max_pixels)
    return _flatten(icon.frame(0), 8)


def _unwritten(picture: Pillow.Image) -> Pillow.Image:
    """A picture of the same kind and size, of a colour that few have; left to itself Pillow begins with zeros."""
    bands = len(picture.getbands())
    ink = _ink(picture.mode)
    return Pillow.new(picture.mode, picture.size, ink if bands == 1 else (ink,) * bands)


def _may_be_unwritten(picture: Pillow.Image, data: bytes) -> bool:
    """Whether the row of a PNG that is decoded last has that colour still: of Adam7's, the last of odd number."""
    width, height = picture.size
    if is_interlaced(data) and height == 1:
        return True
    row = (height // 2) * 2 - 1 if is_interlaced(data) else height - 1
    return bool((np.asarray(picture.crop((0, row, width, row + 1))) == _ink(picture.mode)).all())


def _ink(mode: str) -> int:
    return {"1": 1, "I;16": 0x5A5A}.get(mode, 0x5A)


def _flatten(picture: Pillow.Image, bits: int) -> Image:
    """Any mode to RGB on white; ``bits`` is the depth a transparent colour is given in.

    Strip by strip: each conversion takes up to four copies of what it converts.
    """
    if picture.mode.startswith("I;16") and isinstance(picture, TiffImageFile):
        bits = picture.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]
    width, height = picture.size
    pixels: Image = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = _flatten_strip(picture.crop((0, top, width, bottom)), bits)
    return pixels


def _flatten_strip(picture: Pillow.Image, bits: int) -> Image:
    key = picture.info.get("transparency")
    if picture.mode.startswith("I;16"):
        return _flatten_deep_grey(picture, key, bits)
    if picture.mode != "P" and key is not None:
        return _flatten_keyed(picture, key, bits)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Pillow.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return np.array(white)
    if picture.mode not in _OPAQUE_MODES:
        raise UnsupportedFormat(
            f"pixels of the kind {picture.mode} (floating point, signed, wider than 16 bits or Lab) are not read here; "
            "save the picture with 8 or 16 bits a sample"
        )
    return np.array(picture.convert("RGB"))


def _flatten_deep_grey(picture: Pillow.Image, key: int | None, bits: int) -> Image:
    samples = np.asarray(picture)
    grey = (samples >> bits - 8).astype(np.uint8)
    if key is not None:
        grey[samples == key] = 255
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def _flatten_keyed(picture: Pillow.Image, key: int | tuple[int, ...], bits: int) -> Image:
    """One colour or grey stands for full transparency. Of 16-bit colours, as of their pixels, the high byte counts."""
    del picture.info["transparency"]  # Pillow would compare it unscaled
    rgb = np.array(picture.convert("RGB"))
    colour = np.asarray(key) >> 8 if bits == 16 else np.minimum(np.asarray(key) * (255 // (2**bits - 1)), 255)
    rgb[(rgb == colour).all(axis=2)] = 255
    return rgb
