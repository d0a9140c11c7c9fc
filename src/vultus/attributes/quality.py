"""How well a face can be recognised: one score of what is measured in the picture, with its reasons.

The constants come from 200 aligned LFW faces, made worse by known amounts: from where the ArcFace embedding of the
worse face (``w600k_mbf``) hardly leaves that of the good one (cosine 0.96 or more: 1) to where little is left of it
(0.4 or less: 0); those of the pose are a choice. ``tests/parity/test_quality.py`` shows the order. The length of the
embedding is told, but does not count: its scale is the embedder's own, and the score is to be the same with all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from vultus.attributes.pose5 import head_pose
from vultus.types import CropSpec, FloatArray, Image

CROP = CropSpec("template", 112)
"""Where sharpness and brightness are measured, whatever the embedder sees."""

_FACE = (slice(24, 104), slice(20, 92))  # rows and columns of the crop: brows to chin, without background
_POOR = 0.5  # part of the score below which it is a reason

# Each pair: where a part of the score is 0, and from where on it is 1.
_DETAIL = (0.005, 0.06)
_EYES = (4.5, 25.0)
_TURNED = (60.0, 15.0)
_DARK = (8.0, 60.0)
_BRIGHT = (250.0, 190.0)
_CONTRAST = (3.0, 20.0)


class Quality(NamedTuple):
    """Face quality: what is measured, and what is made of it.

    Attributes:
        score: 0 to 1, the product of ``sharpness``, ``size``, ``pose`` and ``brightness``, each 0 to 1.
        sharpness: Of ``detail``. Noise passes for detail.
        size: Of ``eye_distance``.
        pose: Of ``angle``; 0.5 where the landmarks are of no face.
        brightness: The least of what ``luma`` and ``contrast`` allow.
        norm: Length of the embedding before it was normalised; ``None`` without an embedder. Not part of the score.
        reasons: What is poor: of ``blurred``, ``too small``, ``turned away``, ``too dark``, ``too bright`` and
            ``too little contrast``.
        detail: Variance of the Laplacian over that of the grey values: sharpness whatever the contrast.
        eye_distance: In picture pixels.
        angle: Between the line of sight and where the head looks, degrees; roll does not count: alignment undoes it.
        luma: Mean of the grey values, 0 to 255.
        contrast: Their standard deviation.
    """

    score: float
    sharpness: float
    size: float
    pose: float
    brightness: float
    norm: float | None
    reasons: list[str]
    detail: float
    eye_distance: float
    angle: float | None
    luma: float
    contrast: float


def face_quality(crop: Image, landmarks: FloatArray, norm: float | None = None) -> Quality:
    """Judge a face.

    Args:
        crop: RGB uint8 ``(112, 112, 3)``, cut as ``CROP``.
        landmarks: float32 ``(5, 2)`` in picture pixels.
        norm: Handed on.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[_FACE].astype(np.float32)
    luma, contrast = float(grey.mean()), float(grey.std())
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(contrast**2, 1.0)
    eye_distance = float(np.linalg.norm(landmarks[1].astype(np.float64) - landmarks[0]))
    angle = _angle(landmarks)
    parts = {
        "blurred": _share(_DETAIL, detail, logarithmic=True),
        "too small": _share(_EYES, eye_distance, logarithmic=True),
        "turned away": _POOR if angle is None else _share(_TURNED, angle),
        "too dark": _share(_DARK, luma),
        "too bright": _share(_BRIGHT, luma),
        "too little contrast": _share(_CONTRAST, contrast),
    }
    sharpness, size, pose, *exposure = parts.values()
    return Quality(
        score=sharpness * size * pose * min(exposure),
        sharpness=sharpness,
        size=size,
        pose=pose,
        brightness=min(exposure),
        norm=norm,
        reasons=[reason for reason, share in parts.items() if share < _POOR],
        detail=detail,
        eye_distance=eye_distance,
        angle=angle,
        luma=luma,
        contrast=contrast,
    )


def _angle(landmarks: FloatArray) -> float | None:
    """Degrees between the line of sight and where the head looks; ``None`` where the landmarks are of no face."""
    pose = head_pose(landmarks)
    if pose is None:
        return None
    return math.degrees(math.acos(math.cos(math.radians(pose.pitch)) * math.cos(math.radians(pose.yaw))))


def _share(ends: tuple[float, float], value: float, *, logarithmic: bool = False) -> float:
    """How far a value is on the way from where nothing is left (0) to where nothing is missing (1)."""
    worst, best = ends
    if logarithmic:
        worst, best, value = math.log(worst), math.log(best), math.log(max(value, 1e-9))
    return min(max((value - worst) / (best - worst), 0.0), 1.0)
