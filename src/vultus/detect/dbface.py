"""DBFace (dlunion/DBFace, 2020), a detector in the manner of Zhou et al., "Objects as Points", 2019.

Each cell of a map of stride 4 says how likely a face is there (after a sigmoid), how far its four sides are, in
strides, and where its landmarks are. A face is where the map has a peak.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vultus.detect.detector import candidates, suppress
from vultus.detect.maps import STRIDE, maps
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

_HEAT, _SIDES, _POINTS = 1, 4, 10  # channels
_MOST_PEAKS = 1000
_POINT_SCALE = 4


class DBFace:
    """DBFace, large or small.

    Args:
        network: The network at the canvas size it will be used at.
    """

    has_landmarks = True

    def __init__(self, network: Network) -> None:
        self._network = network

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``.

        Raises:
            IncompatibleGraph: The outputs are not DBFace's.
        """
        outputs = self._network.run(canvas[np.newaxis], ticket)
        heat, sides, points = maps(outputs, (_HEAT, _SIDES, _POINTS), self._network.spec)
        found = candidates(heat.ravel(), threshold)
        found = found[_is_peak(heat[0]).ravel()[found]]
        found = found[np.argsort(-heat.ravel()[found], kind="stable")[:_MOST_PEAKS]]
        row, column = np.divmod(found, heat.shape[2])
        cell = np.stack([column, row], axis=1).astype(np.float32)
        distances = sides[:, row, column].T
        boxes = np.concatenate([cell - distances[:, :2], cell + distances[:, 2:]], axis=1) * STRIDE
        across_then_down = points[:, row, column].T.reshape(-1, 2, 5)
        offsets = _spread(across_then_down.transpose(0, 2, 1) * _POINT_SCALE)
        landmarks = (offsets + cell[:, np.newaxis]) * STRIDE
        return suppress(Detection(boxes, heat[0, row, column], landmarks), nms_threshold)


def _is_peak(heat: FloatArray) -> NDArray[np.bool_]:
    """Where a map ``(rows, columns)`` is nowhere higher in the 3 x 3 cells around."""
    return np.equal(heat, cv2.dilate(heat, np.ones((3, 3), np.uint8)))


def _spread(value: FloatArray) -> FloatArray:
    """The exponential of the magnitude with the sign kept, and straight lines between -1 and 1."""
    size = np.abs(value)
    near = value * np.float32(np.e)
    return np.where(size < 1, near, np.copysign(np.exp(size), value)).astype(np.float32)
