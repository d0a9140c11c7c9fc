"""Against the published decoding: x and y are (v + 1) * 96 and z is v * 96 in the crop, then undone by its scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vultus.attributes.landmarks68 import Landmarks68, five_of
from vultus.attributes.pose5 import HEAD
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, FloatArray

pytestmark = pytest.mark.unit

CROP = CropSpec("box", 192, 1.5)


def test_the_last_68_points_are_brought_into_the_picture(parrot: Callable[..., Any]) -> None:
    answer = np.random.default_rng(68).uniform(-1, 1, (1, 1103, 3)).astype(np.float32)
    matrix = np.array([[[2.0, 0, -40], [0, 2.0, -60]]])
    crops = Crops(np.zeros((1, 192, 192, 3), np.uint8), matrix)
    (points,) = Landmarks68(parrot(answer.reshape(1, -1), 192), CROP).read(crops, Ticket())["landmarks68"]
    last = answer[0, 1035:]
    expected = np.stack(
        [((last[:, 0] + 1) * 96 + 40) / 2, ((last[:, 1] + 1) * 96 + 60) / 2, last[:, 2] * 96 / 2], axis=1
    )
    assert isinstance(points, np.ndarray)
    assert (points.shape, points.dtype) == ((68, 3), np.float32)
    np.testing.assert_allclose(points, expected, atol=1e-4)


def seen(pitch: float, yaw: float, roll: float) -> FloatArray:
    """The five landmarks of ``HEAD`` turned about x, then y, then z, in the units of the network's answer."""
    p, y, r = np.radians([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray((HEAD @ (about_z @ about_y @ about_x).T)[:, :2] / 20, np.float32)


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, 0, 0), (0, 30, 0), (0, 0, -15), (-10, 25, 12)])
def test_the_pose_is_that_of_known_rotations(
    parrot: Callable[..., Any], black: Callable[..., Crops], turn: tuple[float, float, float]
) -> None:
    answer = np.zeros((1103, 3), np.float32)
    left, right, nose, mouth_left, mouth_right = seen(*turn)
    landmarks = answer[-68:, :2]
    landmarks[36:42], landmarks[42:48] = left, right
    landmarks[30], landmarks[48], landmarks[54] = nose, mouth_left, mouth_right
    (pose,) = Landmarks68(parrot([answer.ravel()], 192), CROP).read(black(1, 192), Ticket())["pose"]
    assert isinstance(pose, dict)
    assert (pose["pitch"], pose["yaw"], pose["roll"]) == pytest.approx(turn, abs=0.05)


def test_points_of_no_face_have_no_pose(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    facts = Landmarks68(parrot(np.zeros((1, 3309)), 192), CROP).read(black(1, 192), Ticket())
    assert facts["pose"] == [None]


def test_eyes_are_the_middles_of_their_outlines() -> None:
    points = np.zeros((68, 2), np.float32)
    points[36:42] = [[0, 2], [1, 1], [2, 1], [3, 2], [2, 3], [1, 3]]
    np.testing.assert_allclose(five_of(points)[0], [1.5, 2])


def test_the_network_of_106_landmarks_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="212 values"):
        Landmarks68(parrot(np.zeros((1, 212)), 192), CROP).read(black(1, 192), Ticket())
