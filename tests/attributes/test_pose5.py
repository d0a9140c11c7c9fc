"""Known rotations of a head, projected to five points, must come back; signs as the contracts' measured examples."""

from __future__ import annotations

import math
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vultus.attributes.pose5 import HEAD, head_pose
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def view(
    pitch: float, yaw: float, roll: float, scale: float = 3, shift: tuple[float, float] = (300, 200)
) -> FloatArray:
    """The landmarks of ``HEAD``, turned in degrees about x, then y, then z, seen along z."""
    p, y, r = np.radians([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = HEAD @ (about_z @ about_y @ about_x).T
    return np.asarray(turned[:, :2] * scale + shift, np.float32)


def test_a_head_that_looks_at_the_viewer_is_not_turned() -> None:
    assert head_pose(view(0, 0, 0)) == pytest.approx((0, 0, 0), abs=1e-4)


@given(
    pitch=st.floats(-70, 70),
    yaw=st.floats(-70, 70),
    roll=st.floats(-175, 175),
    scale=st.floats(1, 100),
    x=st.floats(0, 2000),
)
def test_known_rotations_come_back(pitch: float, yaw: float, roll: float, scale: float, x: float) -> None:
    assert head_pose(view(pitch, yaw, roll, scale, (x, 80))) == pytest.approx((pitch, yaw, roll), abs=0.05)


FRONTAL = view(0, 0, 0)


def moved(index: int, by: tuple[float, float]) -> FloatArray:
    points = FRONTAL.copy()
    points[index] += by
    return points


def test_a_nose_to_the_right_of_the_picture_is_a_positive_yaw() -> None:
    pose = head_pose(moved(2, (5, 0)))
    assert pose is not None
    assert pose.yaw > 5
    assert abs(pose.pitch) < 2


def test_a_raised_nose_is_a_positive_pitch() -> None:
    pose = head_pose(moved(2, (0, -5)))
    assert pose is not None
    assert pose.pitch > 5
    assert pose.yaw == pytest.approx(0, abs=1e-3)


def test_a_head_leaning_clockwise_is_a_positive_roll() -> None:
    turn = math.radians(15)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])  # clockwise: y is down
    pose = head_pose((FRONTAL @ matrix.T).astype(np.float32))
    assert pose == pytest.approx((0, 0, 15), abs=1e-3)


def test_the_alignment_template_is_seen_from_the_front() -> None:
    pose = head_pose(ARCFACE_TEMPLATE)
    assert pose is not None
    assert abs(pose.yaw) < 1
    assert abs(pose.roll) < 1
    assert abs(pose.pitch) < 15


COMPREFACE: NDArray[np.float64] = np.array(
    [[-8, 9, -8], [8, 9, -8], [0, 1, 0], [-5, -4, -8], [5, -4, -8], [0, -11, -4]], np.float64
)


def compreface_pose(points: FloatArray, width: int, height: int) -> tuple[float, float, float]:
    """Pitch, yaw and roll as the contract describes CompreFace's, with the principal point where it belongs."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    pixels = np.vstack([points, mouth + (mouth - eyes) / 2]).astype(np.float64)
    camera = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], np.float64)
    _, vector, _ = cv2.solvePnP(COMPREFACE, pixels, camera, None, flags=cv2.SOLVEPNP_ITERATIVE)
    angles = cv2.RQDecomp3x3(cv2.Rodrigues(vector)[0])[0]
    pitch, roll = (math.copysign(180, angles[axis]) - angles[axis] for axis in (0, 2))
    # The solver ends before or behind the camera, as luck will have it; the roll then differs by half a turn.
    return pitch, angles[1], (roll + 90) % 180 - 90


@pytest.mark.parametrize(
    "turned", [(0, 0, 0), (12, 0, 0), (-10, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 15), (8, 15, -10)]
)
def test_of_a_small_face_in_the_middle_compreface_says_the_same_but_for_two_signs(
    turned: tuple[float, float, float],
) -> None:
    """Its perspective vanishes there; what is left is the chin it makes up, worth a degree or two."""
    points = view(*turned, scale=2, shift=(1000, 1000))
    pitch, yaw, roll = compreface_pose(points, 2000, 2000)
    assert head_pose(points) == pytest.approx((pitch, -yaw, -roll), abs=3)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 7),
        np.outer(np.arange(5), [3, 4]),
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
    ],
    ids=["zeros", "one point", "a line", "nan", "inf"],
)
def test_landmarks_of_no_face_have_no_pose(points: FloatArray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert head_pose(np.asarray(points, np.float32)) is None
