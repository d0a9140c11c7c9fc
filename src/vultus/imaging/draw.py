"""Faces drawn onto their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from vultus.imaging.lettering import Lettering, blend
from vultus.types import Face, FloatArray, Image

Color: TypeAlias = tuple[int, int, int]

ACCENT: Color = (0, 230, 170)
"""Boxes and plates, RGB."""

SHADE: Color = (10, 24, 28)
"""Outlines and letters, RGB."""

LANDMARK_COLORS: tuple[Color, ...] = (
    (255, 214, 10),  # eye left in the picture
    (255, 149, 0),  # eye right
    (255, 55, 95),  # nose
    (90, 200, 250),  # mouth left
    (191, 130, 255),  # mouth right
)

_CONTOUR: Color = (255, 255, 255)
_SUBPIXEL = 4  # binary places that OpenCV's coordinates carry
_SMALLEST_LETTERS = 11  # pixels; smaller ones cannot be read


def draw_faces(
    image: Image,
    faces: Sequence[Face],
    *,
    landmarks: bool = True,
    scores: bool = True,
    sizes: bool = False,
    names: Sequence[str] | None = None,
    footer: str | None = None,
) -> Image:
    """A copy of a picture with its faces marked: boxes, landmarks and labels, sized to the picture and to each face.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        faces: What to mark; boxes may lie partly or wholly outside, and those that are not finite are left out.
        landmarks: Draw the five landmarks, and the 106 where a face has them.
        scores: Write each face's score.
        sizes: Write each box's width and height, in pixels.
        names: Write a name for each face, in the order of ``faces``.
        footer: A line at the bottom of the picture.

    Returns:
        RGB uint8 ``(h, w, 3)``, a new array.
    """
    canvas = np.array(image, order="C")
    labels = [
        _label(face, name, scores=scores, sizes=sizes)
        for face, name in zip(faces, names or [""] * len(faces), strict=True)
    ]
    marked = [(face, label) for face, label in zip(faces, labels, strict=True) if np.isfinite(face.box).all()]
    marked.sort(key=lambda item: item[0].width * item[0].height, reverse=True)  # small faces lie on top
    for face, _ in marked:
        _draw_box(canvas, face)
    if landmarks:
        for face, _ in marked:
            _draw_landmarks(canvas, face)
    lettering = Lettering(canvas)
    for face, label in marked:
        _write_label(lettering, face, label)
    if footer:
        _write_footer(lettering, footer)
    return canvas


def _label(face: Face, name: str, *, scores: bool, sizes: bool) -> str:
    size = f"{face.width:.0f} x {face.height:.0f}" if sizes else ""
    return " · ".join(part for part in (name, f"{face.score:.2f}" if scores else "", size) if part)


def _stroke(canvas: Image, face: Face) -> int:
    """Width of a box's line in pixels: in proportion to the picture, but never too heavy for the face."""
    side: float = min(*canvas.shape[:2], 16 * face.width, 16 * face.height)
    return max(1, round(side / 480))


def _draw_box(canvas: Image, face: Face) -> None:
    """A thin frame with heavy corners, outlined so that it shows on any ground."""
    stroke = _stroke(canvas, face)
    left, top, right, bottom = _within_reach(canvas, face.box)
    reach = 0.22 * min(right - left, bottom - top)
    corners = [(left, top, 1, 1), (right, top, -1, 1), (right, bottom, -1, -1), (left, bottom, 1, -1)]
    frame = np.array([(x, y) for x, y, _, _ in corners])
    angles = [np.array([(x + dx * reach, y), (x, y), (x, y + dy * reach)]) for x, y, dx, dy in corners]
    for color, outline in ((SHADE, 2 * max(1, stroke // 2)), (ACCENT, 0)):
        _trace(canvas, frame, color, stroke + outline, closed=True)
        for angle in angles if reach > 4 * stroke else ():
            _trace(canvas, angle, color, 2 * stroke + outline, closed=False)


def _draw_landmarks(canvas: Image, face: Face) -> None:
    size: float = max(0, min(face.width, face.height, *canvas.shape[:2]))
    contour = face.attributes.get("landmarks106")
    if isinstance(contour, np.ndarray):
        for point in contour:
            _dot(canvas, point, size / 170, _CONTOUR, opacity=min(1, size / 120))
    if face.landmarks is not None:
        radius = max(0.7, size / 55)
        for point, color in zip(face.landmarks, LANDMARK_COLORS, strict=True):
            _dot(canvas, point, 1.35 * radius + 0.3, SHADE)
            _dot(canvas, point, radius, color)


def _write_label(lettering: Lettering, face: Face, label: str) -> None:
    """On a plate at the box's left side: above it, or else below it, or else inside."""
    height, width = lettering.canvas.shape[:2]
    wanted = max(_SMALLEST_LETTERS, min(min(height, width) / 30, face.width / 6))
    plate = lettering.plate(label, wanted)
    if plate is None:
        return
    left, top, _, bottom = face.box
    gap = 2 * _stroke(lettering.canvas, face) + 1
    if top - gap >= plate.height:
        top -= gap + plate.height
    elif bottom + gap + plate.height <= height:
        top = bottom + gap
    else:
        top += gap
    lettering.put(plate, left - gap // 2, top, SHADE, ACCENT)


def _write_footer(lettering: Lettering, footer: str) -> None:
    height, width = lettering.canvas.shape[:2]
    plate = lettering.plate(footer, max(_SMALLEST_LETTERS, min(height, width) / 32))
    if plate is not None:
        margin = plate.height / 3
        lettering.put(plate, margin, height - margin - plate.height, (255, 255, 255), SHADE)


def _within_reach(canvas: Image, box: FloatArray) -> tuple[float, float, float, float]:
    """The box without what lies too far outside for OpenCV's coordinates, all of it beyond sight."""
    height, width = canvas.shape[:2]
    left, right = np.clip(box[[0, 2]], -width, 2 * width)
    top, bottom = np.clip(box[[1, 3]], -height, 2 * height)
    return float(left), float(top), float(right), float(bottom)


def _trace(canvas: Image, points: FloatArray, color: Color, width: int, *, closed: bool) -> None:
    fixed = np.round(points * 2**_SUBPIXEL).astype(np.int32)
    cv2.polylines(canvas, [fixed], closed, color, width, cv2.LINE_AA, _SUBPIXEL)


def _dot(canvas: Image, center: FloatArray, radius: float, color: Color, opacity: float = 1.0) -> None:
    """A disc; OpenCV's small ones are diamonds."""
    height, width = canvas.shape[:2]
    x, y = float(center[0]), float(center[1])
    reach = radius + 1
    if not (-reach < x < width + reach and -reach < y < height + reach):
        return  # out of sight, or not a number
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    spot = canvas[top : int(y + reach) + 1, left : int(x + reach) + 1]
    rows, columns = np.ogrid[: spot.shape[0], : spot.shape[1]]
    distance = np.hypot(columns + (left - x), rows + (top - y))
    spot[:] = blend(spot, opacity * np.clip(radius + 0.5 - distance, 0, 1), color)
