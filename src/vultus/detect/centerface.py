"""CenterFace: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019.

Anchor-free: each cell of a map of stride 4 says how likely it holds the centre of a face (after a sigmoid), how large
the face is (logarithm, in strides), where in the cell its centre lies, and where its landmarks are, as fractions of the
box. Whatever comes in pairs has the vertical first. The input's sides have to be multiples of 32.
"""

from __future__ import annotations

import numpy as np

from vultus.detect.detector import candidates, suppress
from vultus.detect.maps import STRIDE, maps
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, Image

_HEAT, _SIZE, _OFFSET, _POINTS = 1, 2, 2, 10  # channels; the size comes before the offset in every export known


class CenterFace:
    """CenterFace with landmarks. Boxes lie within the canvas, as the original's do.

    Args:
        network: The network at the canvas size it will be used at.
    """

    has_landmarks = True

    def __init__(self, network: Network) -> None:
        self._network = network

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``.

        Raises:
            IncompatibleGraph: The outputs are not CenterFace's.
        """
        outputs = self._network.run(canvas[np.newaxis], ticket)
        heat, size, offset, points = maps(outputs, (_HEAT, _SIZE, _OFFSET, _POINTS), self._network.spec)
        found = candidates(heat.ravel(), threshold)
        row, column = np.divmod(found, heat.shape[2])
        extent = np.exp(size[::-1, row, column].T) * STRIDE
        centre = (np.stack([column, row], axis=1) + offset[::-1, row, column].T + np.float32(0.5)) * STRIDE
        # The corner is brought into the canvas before size and landmarks are added to it, as the original does.
        limit = np.array([canvas.shape[1], canvas.shape[0]], np.float32)
        corner = np.clip(centre - extent / 2, 0, limit).astype(np.float32)
        boxes = np.concatenate([corner, np.minimum(corner + extent, limit)], axis=1)
        fractions = points[:, row, column].T.reshape(-1, 5, 2)[..., ::-1]
        landmarks = fractions * extent[:, np.newaxis] + corner[:, np.newaxis]
        return suppress(Detection(boxes, heat[0, row, column], landmarks), nms_threshold)
