"""Letters on plates."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from vultus.types import Image

_TOO_SMALL = 5  # pixels; what would have to be written smaller is left out


@dataclass(frozen=True, slots=True)
class Plate:
    """A rendered line of text.

    Attributes:
        ink: How much of each pixel the letters cover, uint8 ``(height, width)``.
    """

    ink: NDArray[np.uint8]

    @property
    def height(self) -> int:
        """Height in pixels, margins included."""
        return len(self.ink)

    @property
    def width(self) -> int:
        """Width in pixels, margins included."""
        return int(self.ink.shape[1])


class Lettering:
    """Writes onto a picture.

    Args:
        canvas: RGB uint8 ``(h, w, 3)``, C-contiguous; changed in place.
    """

    def __init__(self, canvas: Image) -> None:
        self.canvas = canvas
        self._fonts: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}

    def plate(self, text: str, size: float) -> Plate | None:
        """Render a line of text, in smaller letters where the picture is too narrow or too low for it.

        Args:
            text: What to write.
            size: Height of the letters in pixels.

        Returns:
            ``None`` where there is nothing to write, or no room to write it.
        """
        height, width = self.canvas.shape[:2]
        pixels = round(size)
        while text and pixels >= _TOO_SMALL:
            plate = self._render(text, pixels)
            fit = min(width / plate.width, height / plate.height)
            if fit >= 1:
                return plate
            pixels = min(pixels - 1, int(pixels * fit))
        return None

    def put(
        self, plate: Plate, left: float, top: float, letters: tuple[int, int, int], ground: tuple[int, int, int]
    ) -> None:
        """Write a plate as near to a place as lets it lie within the picture.

        Args:
            plate: No larger than the picture.
            left: Where its left side should be, in pixels of the picture.
            top: Where its upper side should be.
            letters: Colour of the letters, RGB.
            ground: Colour of the plate, RGB.
        """
        height, width = self.canvas.shape[:2]
        x = round(min(max(left, 0), width - plate.width))
        y = round(min(max(top, 0), height - plate.height))
        spot = self.canvas[y : y + plate.height, x : x + plate.width]
        shown = blend(spot, _rounded(plate) / np.float32(255), ground)
        spot[:] = blend(shown, plate.ink / np.float32(255), letters)

    def _render(self, text: str, pixels: int) -> Plate:
        # The font that comes with Pillow has no accented letters.
        text = "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))
        font = self._fonts.setdefault(pixels, ImageFont.load_default(pixels))
        ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (pixels, 0)
        margin = max(1, round(0.3 * pixels))
        ink = Pillow.new("L", (round(font.getlength(text)) + 2 * margin, ascent + descent + margin // 2))
        ImageDraw.Draw(ink).text((margin, margin // 4), text, fill=255, font=font)
        return Plate(np.array(ink))


def _rounded(plate: Plate) -> NDArray[np.uint8]:
    """Coverage of a rectangle with round corners."""
    mask = np.zeros_like(plate.ink)
    radius = plate.height // 5
    if not radius:
        return mask + np.uint8(255)
    inner = (radius, radius), (plate.width - 1 - radius, plate.height - 1 - radius)
    cv2.rectangle(mask, *inner, 255, cv2.FILLED)
    cv2.rectangle(mask, *inner, 255, 2 * radius, cv2.LINE_AA)  # a wide line has round corners
    return mask


def blend(ground: Image, coverage: NDArray[np.floating], color: tuple[int, int, int]) -> Image:
    """A colour laid over a ground where ``coverage``, float ``(h, w)`` from 0 to 1, says how much."""
    return np.asarray(np.rint(ground + coverage[..., None] * (np.array(color, np.float32) - ground)), np.uint8)
