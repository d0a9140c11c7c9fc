"""Made-up photographs: an oval on grey, where a face would be."""

from __future__ import annotations

import cv2
import numpy as np

from vultus.types import Image

BOX = (60, 50, 140, 150)
"""Of the oval, ``x1, y1, x2, y2``."""


def photograph(value: int) -> Image:
    """A bright oval with the box's proportions on grey."""
    pixels = np.full((200, 200, 3), 60, np.uint8)
    cv2.ellipse(pixels, (100, 100), (40, 50), 0, 0, 360, (value, value, value), -1)
    return pixels
