"""Where a head is turned, from the five landmarks: geometry, no network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vultus.types import FloatArray

HEAD: NDArray[np.float64] = np.array([[-8, -9, -8], [8, -9, -8], [0, -1, 0], [-5, 4, -8], [5, 4, -8]], np.float64)
"""The five landmarks on a head that looks at the viewer, in arbitrary units: x to the right of the picture, y down, z
towards the viewer (the proportions are those of CompreFace's pose estimators)."""

_FIT = np.linalg.pinv(HEAD - HEAD.mean(axis=0))  # of an affine camera to five points, by least squares
_FLAT = 1e-3


class HeadPose(NamedTuple):
    """Rotation of a head that looked at the viewer, in degrees: first pitch, then yaw, then roll.

    The signs are those of InsightFace; CompreFace turns yaw and roll the other way.

    Attributes:
        pitch: Positive looks up, negative down; 0 is where ``HEAD`` looks.
        yaw: Positive looks to the right of the picture, negative to its left; -90 to 90.
        roll: Positive is turned clockwise in the picture.
    """

    pitch: float
    yaw: float
    roll: float


def head_pose(landmarks: FloatArray) -> HeadPose | None:
    """The head's pose as it appears along the line of sight, wherever in the picture the face is and however large.

    ``HEAD`` is fitted to the landmarks by an affine camera (least squares); the rotation next to that camera is its
    polar factor. Exact for landmarks that are an orthographic view of ``HEAD``.

    Args:
        landmarks: ``(5, 2)`` in pixels.

    Returns:
        The pose; ``None`` where the landmarks are not finite or (nearly) on one line, which no face's are.
    """
    points = np.asarray(landmarks, np.float64)
    if not np.isfinite(points).all():
        return None
    camera = _FIT @ (points - points.mean(axis=0))
    left, extent, right = np.linalg.svd(camera.T, full_matrices=False)
    if extent[1] <= _FLAT * extent[0]:
        return None
    across, down = left @ right
    towards = np.cross(across, down)
    pitch, yaw, roll = np.degrees(
        [
            np.arctan2(towards[1], towards[2]),
            np.arcsin(np.clip(-towards[0], -1, 1)),
            np.arctan2(down[0], across[0]),
        ]
    )
    return HeadPose(float(pitch), float(yaw), float(roll))
