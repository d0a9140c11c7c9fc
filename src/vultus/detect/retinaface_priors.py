"""RetinaFace as biubug6's Pytorch_Retinaface trains it, with the priors of SSD (Liu et al., 2016).

Every cell of the strides 8, 16 and 32 has two square anchors ("priors"). To each of them the network gives the
probabilities of being no face and a face, the offset of the box's centre, the logarithms of the box's sides, and the
offsets of the five landmarks, all in sides of the anchor times the "variances".
"""

from __future__ import annotations

import numpy as np

from vultus.detect.anchors import Anchors, Level
from vultus.detect.detector import candidates, foreign, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

_LEVELS = (Level(8, 4.0, (16, 32)), Level(16, 8.0, (64, 128)), Level(32, 16.0, (256, 512)))
_PLACE_VARIANCE, _SIZE_VARIANCE = np.float32(0.1), np.float32(0.2)
_SCORES, _BOXES, _POINTS = 2, 4, 10  # columns of the outputs: names and order differ between exports


class RetinaFacePriors:
    """RetinaFace with the outputs loc, conf (after its softmax) and landms, under any names and in any order.

    Args:
        network: The network at the canvas size it will be used at.

    Raises:
        IncompatibleGraph: There are not three outputs.
    """

    has_landmarks = True

    def __init__(self, network: Network) -> None:
        found = len(network.spec.outputs)
        if found != 3:
            raise IncompatibleGraph(f"{network.spec.name} has {found} outputs; RetinaFace on priors has 3.")
        self._network = network
        self._anchors = Anchors.on_canvas(network.spec.input, _LEVELS)

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        outputs = self._network.run(canvas[np.newaxis], ticket)
        scores = self._rows(outputs, _SCORES)[:, 1]
        found = candidates(scores, threshold)
        deltas = self._rows(outputs, _BOXES)[found]
        offsets = self._rows(outputs, _POINTS)[found].reshape(-1, 5, 2)
        anchors = self._anchors.at(found)
        centres = anchors.points(deltas[:, np.newaxis, :2] * _PLACE_VARIANCE)[:, 0]
        reach = np.exp(deltas[:, 2:] * _SIZE_VARIANCE) * anchors.sides / 2
        boxes = np.concatenate([centres - reach, centres + reach], axis=1)
        return suppress(Detection(boxes, scores[found], anchors.points(offsets * _PLACE_VARIANCE)), nms_threshold)

    def _rows(self, outputs: Outputs, columns: int) -> FloatArray:
        """The output with that many columns, ``(anchors, columns)``."""
        wanted = (len(self._anchors.sides), columns)
        for output in outputs:
            if output.shape[-2:] == wanted:
                return output.reshape(wanted)
        raise foreign(self._network.spec, outputs, "Pytorch_Retinaface")
