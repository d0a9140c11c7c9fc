"""Pictures with their faces drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vultus.cli.targets import write_file
from vultus.imaging.decode import Limits, decode
from vultus.imaging.draw import draw_faces
from vultus.imaging.encode import encode
from vultus.settings import Settings
from vultus.types import Analysis, Image

_GAP = 8  # pixels between two pictures


def draw_analysis(target: Path, data: bytes, analysis: Analysis, settings: Settings) -> None:
    """Write a picture with the faces that were found in it.

    Raises:
        PictureError: The picture can no longer be decoded.
        OutputUnwritable: The target cannot be written.
    """
    write_file(target, encode(draw_faces(pixels_of(data, settings), analysis.faces), target.suffix))


def draw_pair(
    target: Path, pictures: Sequence[bytes], analyses: Sequence[Analysis], caption: str, settings: Settings
) -> None:
    """Write two pictures side by side, each with its compared face, and a line below.

    Raises:
        PictureError: A picture can no longer be decoded.
        OutputUnwritable: The target cannot be written.
    """
    drawn = [
        draw_faces(pixels_of(data, settings), analysis.faces) for data, analysis in zip(pictures, analyses, strict=True)
    ]
    write_file(target, encode(draw_faces(side_by_side(drawn), [], footer=caption), target.suffix))


def pixels_of(data: bytes, settings: Settings) -> Image:
    """Pixels of an encoded picture within the limits of the settings."""
    return decode(data, Limits.from_settings(settings))


def side_by_side(images: Sequence[Image]) -> Image:
    """Images in a row, white between them, the taller ones shrunk to the height of the lowest."""
    height = min(len(image) for image in images)
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    columns: list[Image] = []
    for image in images:
        columns += [gap, _to_height(image, height)]
    return np.concatenate(columns[1:], axis=1)


def _to_height(image: Image, height: int) -> Image:
    if len(image) == height:
        return image
    width = max(1, round(image.shape[1] * height / len(image)))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
