"""Cutting out of a picture what a network wants to see of a face: every crop is one affine warp."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vultus.imaging.warp import on_part, warp
from vultus.types import CropSpec, Detection, FloatArray, Image

_Complex: TypeAlias = NDArray[np.complex128]

TEMPLATE_SIZE = 112

ARCFACE_TEMPLATE: FloatArray = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
"""Where the five landmarks belong in a 112 x 112 crop (ArcFace, deepinsight/insightface)."""

TEMPLATE_BOX: FloatArray = np.array([16, 11, 96, 119], np.float32)
"""The box that detectors find around a face so aligned, in pixels of the 112 x 112 crop: the median over upright faces
(``tests/parity/test_template_box.py``). It reaches over the crop's lower edge."""


def template(size: int) -> FloatArray:
    """Where the five landmarks belong in a crop of ``size`` x ``size`` pixels: float32 ``(5, 2)``."""
    return ARCFACE_TEMPLATE * np.float32(size / TEMPLATE_SIZE)


def aligned_points(spec: CropSpec) -> FloatArray:
    """Where the five landmarks belong in a crop of the kind ``template``: float32 ``(5, 2)``."""
    return _with_margins(template(spec.size), spec)


def _with_margins(points: FloatArray, spec: CropSpec) -> FloatArray:
    """Points ``(..., 2)`` of the template's square, in a crop that shows it grown by the crop's margins."""
    left, top, right, bottom = spec.margins
    grown = points + np.array([left, top], np.float32) * spec.size
    return np.asarray(grown / np.array([1 + left + right, 1 + top + bottom], np.float32), np.float32)


def face_in_crop(spec: CropSpec) -> Detection:
    """The face that such a crop shows, in the crop's pixels, as a detector would have found it in the picture.

    Its landmarks are known only where the crop was aligned by them. The score is 1.
    """
    if spec.kind == "template":
        corners = TEMPLATE_BOX.reshape(2, 2) * np.float32(spec.size / TEMPLATE_SIZE)
        box = _with_margins(corners, spec).reshape(1, 4)
        return Detection(box, np.ones(1, np.float32), aligned_points(spec)[np.newaxis])
    if spec.kind == "margins":
        left, top, right, bottom = spec.margins
        across, down = spec.size / (1 + left + right), spec.size / (1 + top + bottom)
        box = np.array([[left * across, top * down, (1 + left) * across, (1 + top) * down]], np.float32)
    else:
        middle, half = spec.size / 2, spec.size / spec.scale / 2
        box = np.array([[middle - half, middle - half, middle + half, middle + half]], np.float32)
    return Detection(box, np.ones(1, np.float32), None)


class Crops(NamedTuple):
    """Crops of some faces and how they were cut.

    Attributes:
        pixels: RGB uint8 ``(n, size, size, 3)``.
        matrices: float64 ``(n, 2, 3)``: picture coordinates to crop coordinates.
    """

    pixels: Image
    matrices: NDArray[np.float64]


def cut_crops(
    image: Image,
    faces: Detection,
    spec: CropSpec,
    scale: float = 1.0,
    part: tuple[float, float] = (1.0, 1.0),
    *,
    smooth: bool = False,
) -> Crops:
    """Cut one crop per face.

    Bilinear; where a part of the picture is stretched (``margins``, ``inside``) and shrinks, by area.

    Args:
        image: RGB uint8 ``(h, w, 3)``: the picture, or the picture made smaller.
        faces: Boxes and landmarks in picture pixels.
        spec: Which crop.
        scale: Canvas pixels per picture pixel, where the faces were detected on a canvas; for ``margins`` alone.
        part: Width and height of ``image`` in those of the picture.
        smooth: Average pixels where many become one, as in ``vultus.imaging.warp``.

    Raises:
        ValueError: The crop needs landmarks, and the detection has none.
    """
    if spec.kind in ("margins", "inside"):
        return _cut_stretched(image, faces.boxes, spec, scale, part)
    if spec.kind == "box":
        matrices = box_transforms(faces.boxes, spec.scale, spec.size)
    elif faces.landmarks is None:
        raise ValueError("a template crop needs landmarks")
    else:
        matrices = similarity_transforms(faces.landmarks, aligned_points(spec))
    pixels = np.empty((len(faces), spec.size, spec.size, 3), np.uint8)
    for crop, matrix in zip(pixels, matrices, strict=True):
        warp(image, on_part(matrix, part), crop, smooth=smooth)
    return Crops(pixels, matrices)


def _cut_stretched(image: Image, boxes: FloatArray, spec: CropSpec, scale: float, part: tuple[float, float]) -> Crops:
    height, width = image.shape[:2]
    boxes = boxes * np.array([*part, *part], np.float32)
    if spec.kind == "margins":
        grown = with_margins(boxes, spec.margins, scale / part[0])
    else:
        grown = inside(boxes, spec.scale, width, height)
    corners = np.clip(grown, 0, [width, height, width, height]).astype(np.int64)
    # Of a box that lies outside the picture a pixel at its edge is left.
    low = np.minimum(corners[:, :2], [width - 1, height - 1])
    high = np.maximum(corners[:, 2:], low + 1)
    pixels = np.empty((len(boxes), spec.size, spec.size, 3), np.uint8)
    for crop, (left, top), (right, bottom) in zip(pixels, low, high, strict=True):
        cut = image[top:bottom, left:right]
        method = cv2.INTER_AREA if min(cut.shape[:2]) > spec.size else cv2.INTER_LINEAR
        crop[:] = cv2.resize(cut, (spec.size, spec.size), interpolation=method)
    factors = spec.size / (high - low)
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, [0, 1], [0, 1]] = factors
    matrices[:, :, 2] = -low * factors
    matrices[:, [0, 1], [0, 1]] *= part
    return Crops(pixels, matrices)


def with_margins(
    boxes: FloatArray, margins: tuple[float, float, float, float], scale: float = 1.0
) -> NDArray[np.float64]:
    """Boxes ``(n, 4)`` grown by fractions (left, top, right, bottom) of their own width and height.

    As in CompreFace, box and grown box are cut down to whole pixels of the detector's canvas, and begin within it:
    FaceNet's embeddings of crops that differ by one such pixel lie 0.2 apart.

    Args:
        boxes: In picture pixels.
        margins: The fractions.
        scale: Canvas pixels per picture pixel.
    """
    box = np.asarray(boxes, np.float64) * scale
    low = np.trunc(np.maximum(box[:, :2], 0))
    sides = np.trunc(box[:, 2:] - low)
    grown_low = np.maximum(low - sides * margins[:2], 0)
    grown_high = low + sides * (1 + np.asarray(margins[2:]))
    grown: NDArray[np.float64] = np.trunc(np.concatenate([grown_low, grown_high], axis=1)) / scale
    return grown


def inside(boxes: FloatArray, scale: float, width: int, height: int) -> NDArray[np.float64]:
    """Boxes ``(n, 4)`` grown about their centres, no further than the picture allows, and moved into it.

    As in Silent-Face-Anti-Spoofing (``CropImage`` of minivision-ai): the factor is bounded so that the grown box is at
    most as large as the picture less one pixel; what reaches over an edge is shifted back.
    """
    box = np.asarray(boxes, np.float64)
    picture = np.array([width - 1, height - 1], np.float64)
    sides = np.maximum(box[:, 2:] - box[:, :2], 1)
    factor = np.minimum((picture / sides).min(axis=1), scale)[:, np.newaxis]
    half = sides * factor / 2
    centre = (box[:, :2] + box[:, 2:]) / 2
    shift = np.maximum(half - centre, 0) - np.maximum(centre + half - picture, 0)
    return np.concatenate([centre - half + shift, centre + half + shift], axis=1)


def similarity_transforms(points: FloatArray, target: FloatArray) -> NDArray[np.float64]:
    """Least-squares similarities (rotation, uniform scale, shift; no reflection) that bring points onto a target.

    The closed form of Umeyama's problem in the plane (IEEE TPAMI 13(4), 1991): with centred points as complex numbers p
    and q, the factor that minimises sum |a p - q|^2 is a = sum(conj(p) q) / sum |p|^2.

    Args:
        points: ``(n, k, 2)``, k >= 2. Where all k coincide, the result is a shift.
        target: ``(k, 2)``.

    Returns:
        float64 ``(n, 2, 3)``.
    """
    spread, centre = _centred(_complex(points))
    goal, goal_centre = _centred(_complex(target))
    energy = np.vecdot(spread, spread).real
    product = np.vecdot(spread, goal)  # it conjugates the first
    factor = np.divide(product, energy, out=np.ones_like(product), where=energy > 0)
    shift = goal_centre - factor * centre
    matrices = np.empty((len(factor), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = factor.real
    matrices[:, 1, 0] = factor.imag
    matrices[:, 0, 1] = -factor.imag
    matrices[:, 0, 2], matrices[:, 1, 2] = shift.real, shift.imag
    return matrices


def _complex(points: FloatArray) -> _Complex:
    """Points ``(..., k, 2)`` as complex numbers ``(..., k)``."""
    return np.ascontiguousarray(points, np.float64).view(np.complex128)[..., 0]


def _centred(points: _Complex) -> tuple[_Complex, _Complex]:
    """Points ``(..., k)`` about their centre, and that ``(...)``."""
    centre = points.sum(axis=-1) / points.shape[-1]
    return points - centre[..., np.newaxis], centre


def box_transforms(boxes: FloatArray, scale: float, size: int) -> NDArray[np.float64]:
    """Transforms that cut an upright square of ``scale`` x the box's longer side around its centre.

    Args:
        boxes: ``(n, 4)``.
        scale: Side of the square in longer sides of the box.
        size: Side of the crop in pixels.

    Returns:
        float64 ``(n, 2, 3)``. A box without extent is taken to be one pixel large.
    """
    box = np.asarray(boxes, np.float64)
    longer = np.maximum(box[:, 2:] - box[:, :2], 0).max(axis=1)
    factor = size / (np.where(longer > 0, longer, 1.0) * scale)
    centre = (box[:, :2] + box[:, 2:]) / 2
    matrices = np.zeros((len(box), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = factor
    matrices[:, :, 2] = size / 2 - centre * factor[:, np.newaxis]
    return matrices


def to_picture(points: FloatArray, matrices: NDArray[np.float64]) -> FloatArray:
    """Take points of the crops back into the picture.

    Args:
        points: ``(n, k, 2)`` in crop pixels.
        matrices: ``(n, 2, 3)``, picture to crop.

    Returns:
        float32 ``(n, k, 2)`` in picture pixels.
    """
    linear = np.linalg.inv(matrices[:, :, :2])
    moved = points - matrices[:, np.newaxis, :, 2]
    return np.asarray(moved @ linear.transpose(0, 2, 1), np.float32)
