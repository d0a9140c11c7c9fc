"""UltraFace (Linzaer, "Ultra-Light-Fast-Generic-Face-Detector-1MB"): small, fast, without landmarks.

The graph decodes its boxes itself; it knows the one input size it was exported for.
"""

from __future__ import annotations

import numpy as np

from vultus.detect.detector import candidates, foreign, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, Image

_SCORES, _BOXES = 2, 4  # columns of the outputs


class UltraFace:
    """UltraFace with its two outputs, in any order: probabilities of no face and a face; boxes in sides of the canvas.

    Args:
        network: The network at its own size.

    Raises:
        IncompatibleGraph: There are not two outputs.
    """

    has_landmarks = False

    def __init__(self, network: Network) -> None:
        found = len(network.spec.outputs)
        if found != 2:
            raise IncompatibleGraph(f"{network.spec.name} has {found} outputs; UltraFace has 2.")
        self._network = network

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        answer = self._split(self._network.run(canvas[np.newaxis], ticket))
        found = candidates(answer.scores, threshold)
        height, width = canvas.shape[:2]
        boxes = answer.boxes[found] * np.array([width, height, width, height], np.float32)
        return suppress(Detection(boxes, answer.scores[found], None), nms_threshold)

    def _split(self, outputs: Outputs) -> Detection:
        """All boxes, in sides of the canvas, with their scores."""
        by_columns = {output.shape[-1]: output.reshape(-1, output.shape[-1]) for output in outputs}
        scores, boxes = by_columns.get(_SCORES), by_columns.get(_BOXES)
        if scores is None or boxes is None or len(scores) != len(boxes):
            raise foreign(self._network.spec, outputs, "UltraFace")
        return Detection(boxes, scores[:, 1], None)
