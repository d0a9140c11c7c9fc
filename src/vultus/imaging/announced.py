"""How many pixels a picture will have, told from its header."""

from __future__ import annotations

import struct

import simplejpeg

from vultus.errors import CorruptPicture
from vultus.imaging.header import announced_size
from vultus.imaging.sniff import sniff


def announced_pixels(data: bytes, max_pixels: int) -> int:
    """Width x height of an encoded picture, at little cost.

    Returns:
        0 where the bytes are no picture, or the picture would be refused for having more than ``max_pixels``; where its
        header cannot be read without decoding, ``max_pixels``, as it cannot have more.
    """
    kind = sniff(data)
    if kind is None:
        return 0
    try:
        size = simplejpeg.decode_jpeg_header(data)[:2] if kind == "jpeg" else announced_size(data, kind)
    except CorruptPicture:
        return 0
    except (ValueError, IndexError, struct.error):
        size = None
    if size is None:
        return max_pixels
    pixels = size[0] * size[1]
    return pixels if pixels <= max_pixels else 0
