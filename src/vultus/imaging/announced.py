"""How many pixels a picture will have, and how much memory each takes, told from its header."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

import simplejpeg

from vultus.errors import CorruptPicture
from vultus.imaging.header import announced_size
from vultus.imaging.jpeg import is_streamed
from vultus.imaging.sniff import Format, sniff

_WEIGHTS: Mapping[Format, int] = MappingProxyType({"webp": 4})
_WEIGHT = 2
"""While it is decoded, a pixel takes at most 6 bytes times its format's weight: the result, turned upright, and what
the decoder holds beside it. A JPEG that is decoded row by row has the weight 1; libwebp keeps three canvases."""


def announced_load(data: bytes, max_pixels: int) -> int:
    """Pixels of an encoded picture as they count against ``max_inflight_pixels``: times their format's weight.

    See ``announced_pixels``; ``max_pixels`` is that of the pixels themselves.
    """
    kind = sniff(data)
    if kind is None:
        return 0
    weight = _WEIGHTS.get(kind, _WEIGHT)
    if kind == "jpeg" and is_streamed(data):
        weight = 1
    return weight * announced_pixels(data, max_pixels)


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
