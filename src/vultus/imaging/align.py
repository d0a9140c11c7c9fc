"""Cutting out of a picture what a network wants to see of a face: every crop is one affine warp."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vultus.types import CropSpec, Detection, FloatArray, Image

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


def face_in_crop(spec: CropSpec) -> Detection:
    """The face that such a crop shows, in the crop's pixels, as a detector would have found it in the picture.

    Its landmarks are known only where the crop was aligned by them. The score is 1.
    """
    if spec.kind == "template":
        factor = np.float32(spec.size / TEMPLATE_SIZE)
        return Detection(TEMPLATE_BOX[np.newaxis] * factor, np.ones(1, np.float32), template(spec.size)[np.newaxis])
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


def cut_crops(image: Image, faces: Detection, spec: CropSpec) -> Crops:
    """Cut one crop per face, bilinear, black outside the picture.

    Args:
        image: RGB uint8 ``(h, w, 3)``.
        faces: Boxes and landmarks in picture pixels.
        spec: Which crop.

    Raises:
        ValueError: The crop needs landmarks, and the detection has none.
    """
    if spec.kind == "box":
        matrices = box_transforms(faces.boxes, spec.scale, spec.size)
    elif faces.landmarks is None:
        raise ValueError("a template crop needs landmarks")
    else:
        matrices = similarity_transforms(faces.landmarks, template(spec.size))
    pixels = np.empty((len(faces), spec.size, spec.size, 3), np.uint8)
    for crop, matrix in zip(pixels, matrices, strict=True):
        cv2.warpAffine(image, matrix, (spec.size, spec.size), dst=crop)
    return Crops(pixels, matrices)


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
    source = np.asarray(points, np.float64)
    source = source[..., 0] + 1j * source[..., 1]
    goal = np.asarray(target, np.float64)
    goal = goal[:, 0] + 1j * goal[:, 1]
    centre, goal_centre = source.mean(axis=1, keepdims=True), goal.mean()
    spread = source - centre
    energy = (spread * spread.conj()).real.sum(axis=1)
    product = (spread.conj() * (goal - goal_centre)).sum(axis=1)
    factor = np.divide(product, energy, out=np.ones_like(product), where=energy > 0)
    shift = goal_centre - factor * centre[:, 0]
    rows = [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    return np.moveaxis(np.array(rows), 2, 0)


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
