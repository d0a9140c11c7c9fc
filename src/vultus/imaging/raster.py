"""Every format but JPEG to pixels, by Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
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
    _mute_pillow()
    if kind == "ico":
        return _decode_icon(data, max_pixels)
    picture = _READERS[kind](BytesIO(data))
    check_size(*picture.size, max_pixels)
    if isinstance(picture, TiffImageFile):
        check_size(picture.tag_v2.get(_TILE_WIDTH, 1), picture.tag_v2.get(_TILE_LENGTH, 1), max_pixels)
    picture.load()  # applies a TIFF's orientation, which the others leave to us
    if kind == "png" and (is_interlaced(data) or not _last_row(picture).any()):
        check_complete(data)
    bits = sample_bits(data) if kind == "png" else 8
    exif = picture.info.get("exif", b"") if kind in ("png", "webp") else b""
    return turn_upright(_flatten(picture, bits), read_orientation(exif))


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


def _last_row(picture: Pillow.Image) -> NDArray[np.generic]:
    """Zeros where the last row was never decoded (and where it is all black)."""
    width, height = picture.size
    return np.asarray(picture.crop((0, height - 1, width, height)))


def _flatten(picture: Pillow.Image, bits: int) -> Image:
    """Any mode to RGB on white; ``bits`` is the depth a transparent colour is given in."""
    key = picture.info.get("transparency")
    if picture.mode.startswith("I;16"):
        return _flatten_deep_grey(picture, key)
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


def _flatten_deep_grey(picture: Pillow.Image, key: int | None) -> Image:
    samples = np.asarray(picture)
    bits = picture.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0] if isinstance(picture, TiffImageFile) else 16
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
