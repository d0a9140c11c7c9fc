"""68 landmarks in three dimensions (InsightFace's ``1k3d68``), and the head's pose as they tell it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vultus.attributes.pose5 import head_pose
from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops, to_picture
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, FloatArray

COUNT = 68
_ANSWERED = 1103  # points of the network's answer; the landmarks are the last of them


class Landmarks68:
    """``landmarks68``, float32 ``(68, 3)``; ``pose``: pitch, yaw and roll in degrees by name, as in ``HeadPose``.

    The landmarks are those of the iBUG scheme: x and y in picture pixels, z in the same unit, with the network's own
    zero and direction. The pose is that of five of them (``head_pose``), and not the rotation against InsightFace's
    mean face, whose data are not free: pitch differs from InsightFace's by what the two straight-ahead faces differ.

    Args:
        network: The network; it answers 1,103 points a crop, x and y from -1 to 1 over the crop's sides.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        answered = run_rows(self._network, crops, ticket, 3 * _ANSWERED).reshape(-1, _ANSWERED, 3)
        points = answered[:, -COUNT:] * np.float32(self.crop.size / 2)
        across = to_picture(points[:, :, :2] + np.float32(self.crop.size / 2), crops.matrices)
        scale = np.hypot(crops.matrices[:, 0, 0], crops.matrices[:, 0, 1])
        depth = points[:, :, 2:] / scale[:, np.newaxis, np.newaxis]
        landmarks = np.concatenate([across, depth], axis=2).astype(np.float32)
        poses = [head_pose(five_of(face)) for face in across]
        return {"landmarks68": list(landmarks), "pose": [pose and pose._asdict() for pose in poses]}


def five_of(points: FloatArray) -> FloatArray:
    """The usual five landmarks of the 68, float32 ``(5, 2)``: the middles of the eyes, the nose's tip, mouth corners.

    Args:
        points: ``(68, 2)`` in the order of the iBUG scheme: eyes 36 to 41 and 42 to 47, nose 30, mouth 48 and 54.
    """
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]]).astype(np.float32)
