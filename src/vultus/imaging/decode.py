"""Bytes to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from vultus.errors import CorruptPicture, EmptyPicture, PictureError, PictureTooLarge, UnsupportedFormat
from vultus.imaging.jpeg import MAX_SCANS, Decoded, decode_jpeg
from vultus.imaging.raster import decode_raster
from vultus.imaging.sniff import sniff
from vultus.types import Image

if TYPE_CHECKING:
    from vultus.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may cost.

    Attributes:
        max_bytes: Largest encoded picture, in bytes.
        max_pixels: Largest picture, width x height.
        max_scans: Most scans of a JPEG.
    """

    max_bytes: int = 20 * 2**20
    max_pixels: int = 50_000_000
    max_scans: int = MAX_SCANS

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """What ``settings`` allow."""
        return cls(settings.max_picture_bytes, settings.max_picture_pixels, settings.max_jpeg_scans)


def decode(data: bytes | bytearray | memoryview, limits: Limits = Limits()) -> Image:
    """Pixels of an encoded picture, in full: see ``decode_least``."""
    return decode_least(data, limits).pixels


def decode_least(data: bytes | bytearray | memoryview, limits: Limits = Limits(), least: int = 0) -> Decoded:
    """Pixels of an encoded picture: all of it or an error, never a part.

    JPEG, PNG, WebP, BMP, TIFF, GIF and ICO, told apart by their leading bytes. Of several frames or pages the first is
    taken, of several icons the largest. EXIF orientation is applied; transparency is composited on white; samples of 16
    bits keep their high byte; ICC profiles are ignored.

    Args:
        data: The encoded picture.
        limits: What it may cost; the announced size is checked before anything is decoded.
        least: If above 0, a JPEG may come smaller, where that is faster: its longer side not below this.

    Raises:
        EmptyPicture: There are no bytes.
        PictureTooLarge: There are more bytes than ``limits.max_bytes``.
        UnsupportedFormat: The bytes are of no format, or of a kind of it, that is read here.
        TooManyPixels: The picture has more pixels than ``limits.max_pixels``.
        TooManyScans: The JPEG has more scans than ``limits.max_scans``.
        CorruptPicture: The picture is truncated or damaged.
    """
    if not len(data):
        raise EmptyPicture("the picture is empty: there are no bytes")
    if len(data) > limits.max_bytes:
        raise PictureTooLarge(
            f"the picture has more bytes than max_picture_bytes ({limits.max_bytes}) allows; "
            "send it smaller or raise the limit",
            limit="max_picture_bytes",
        )
    content = bytes(data)  # free where they are bytes already
    kind = sniff(content)
    if kind is None:
        raise UnsupportedFormat("the picture is not a JPEG, PNG, WebP, BMP, TIFF, GIF or ICO file")
    try:
        if kind == "jpeg":
            return decode_jpeg(content, limits.max_pixels, least, limits.max_scans)
        pixels = decode_raster(content, kind, limits.max_pixels)
    except (PictureError, MemoryError):  # the latter says nothing of the picture
        raise
    except Exception as error:  # decoders meet hostile bytes with nearly every exception there is
        raise CorruptPicture(f"the {kind.upper()} picture is truncated or damaged") from error
    height, width = pixels.shape[:2]
    return Decoded(pixels, width, height)
