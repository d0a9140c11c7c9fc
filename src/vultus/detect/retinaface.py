"""RetinaFace: Deng et al., "RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild", 2020 (InsightFace).

Every cell of the strides 8, 16 and 32 has two square anchors. To each of them the network gives a score, the offset of
the box's centre in sides of the anchor, the logarithms of the box's sides in the same unit, and the offsets of the five
landmarks, in that unit times ``landmark_std``. Pixels are counted: a box from x1 to x2 is x2 - x1 + 1 wide.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from vultus.detect.anchors import Anchors, Level, cells
from vultus.detect.detector import candidates, foreign, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

# All grow out of a base anchor that covers the pixels 0 to 15 of the cell, whatever the stride: hence its centre.
_LEVELS = (Level(8, 7.5, (32, 16)), Level(16, 7.5, (128, 64)), Level(32, 7.5, (512, 256)))
_ANCHORS = 2
# Channels of an output tell what it is, rows and columns tell its stride: names and order differ between exports.
_SCORES, _BOXES, _POINTS = 2 * _ANCHORS, 4 * _ANCHORS, 10 * _ANCHORS
_KNOWN_EXPORTS = (9, 12)  # outputs; the twelve of mnet_cov2 tell for each stride, too, whether faces wear masks


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class RetinaFaceParameters:
    """What the catalogue says of a RetinaFace.

    Attributes:
        landmark_std: Unit of the landmarks' offsets, in sides of the anchor: 0.2 for networks trained as ``net3l``.
    """

    landmark_std: Annotated[float, Field(gt=0)] = 1.0


class RetinaFace:
    """RetinaFace as InsightFace publishes it (outputs ``face_rpn_...``), exported under any names and in any order.

    Args:
        network: The network at the canvas size it will be used at.
        parameters: What its entry says of it.

    Raises:
        IncompatibleGraph: The number of outputs is not RetinaFace's.
    """

    has_landmarks = True

    def __init__(self, network: Network, parameters: RetinaFaceParameters) -> None:
        found = len(network.spec.outputs)
        if found not in _KNOWN_EXPORTS:
            raise IncompatibleGraph(
                f"{network.spec.name} has {found} outputs; RetinaFace has one of {[*_KNOWN_EXPORTS]}."
            )
        self._network = network
        self._landmark_std = np.float32(parameters.landmark_std)
        self._anchors = Anchors.on_canvas(network.spec.input, _LEVELS)

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        outputs = self._network.run(canvas[np.newaxis], ticket)
        # The first channels are the anchors' scores of being no face.
        scores = self._rows(outputs, _SCORES).reshape(-1, 2, _ANCHORS)[:, 1].ravel()
        found = candidates(scores, threshold)
        deltas = self._rows(outputs, _BOXES).reshape(-1, 4)[found]
        offsets = self._rows(outputs, _POINTS).reshape(-1, 5, 2)[found]
        anchors = self._anchors.at(found)
        centres = anchors.points(deltas[:, np.newaxis, :2])[:, 0]
        reach = (np.exp(deltas[:, 2:]) * anchors.sides - 1) / 2
        boxes = np.concatenate([centres - reach, centres + reach], axis=1)
        landmarks = anchors.points(offsets * self._landmark_std)
        return suppress(Detection(boxes, scores[found], landmarks), nms_threshold)

    def _rows(self, outputs: Outputs, channels: int) -> FloatArray:
        """What the strides say with that many channels: ``(cells, channels)``, the strides one after the other."""
        spec = self._network.spec
        by_shape = {output.shape[-3:]: output for output in outputs}
        try:
            kind = [by_shape[channels, *cells(spec.input, level.stride)] for level in _LEVELS]
        except KeyError:
            raise foreign(spec, outputs, "RetinaFace") from None
        return np.concatenate([output.reshape(channels, -1).T for output in kind])
