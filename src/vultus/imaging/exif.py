"""The EXIF orientation: how a picture has to be turned to stand upright."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from vultus.types import Image

_ORIENTATION = 0x0112
_FORMATS = {3: "H", 4: "I"}  # SHORT as the standard says; LONG as some writers have it
_PREFIX = b"Exif\0"


def read_orientation(block: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block, with or without its ``Exif`` prefix.

    Whatever is wrong with the block is no fault of the picture: it stands as it is (1). EXIF 2.32, section 4.6.2; the
    TIFF structure below it is that of TIFF 6.0, section 2.
    """
    tiff = block[6:] if block.startswith(_PREFIX) else block
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", tiff, entry)
            if tag == _ORIENTATION and kind in _FORMATS:
                (value,) = struct.unpack_from(order + _FORMATS[kind], tiff, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def turn_upright(image: Image, orientation: int) -> Image:
    """Undo an EXIF orientation (1 to 8); 1 hands back the same array, every other a new contiguous one."""
    match orientation:
        case 2:
            turned = cv2.flip(image, 1)
        case 3:
            turned = cv2.rotate(image, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(image, 0)
        case 5:
            turned = cv2.transpose(image)
        case 6:
            turned = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.flip(cv2.transpose(image), -1)
        case 8:
            turned = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return image
    return np.asarray(turned, np.uint8)
