"""YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023; OpenCV model zoo).

Anchor-free: every cell of the strides 8, 16 and 32 says how likely it holds a face (class x objectness), where the
centre of the box lies relative to the cell, how large it is (logarithm, in strides), and where the five landmarks are.
"""

from __future__ import annotations

import numpy as np

from vultus.detect.detector import candidates, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

_STRIDES = (8, 16, 32)
_KINDS = ("cls", "obj", "bbox", "kps")


class YuNet:
    """YuNet as in OpenCV's model zoo (2023mar).

    Args:
        network: The network at the canvas size it will be used at.

    Raises:
        IncompatibleGraph: An output is missing.
    """

    has_landmarks = True

    def __init__(self, network: Network) -> None:
        self._network = network
        wanted = [f"{kind}_{stride}" for kind in _KINDS for stride in _STRIDES]
        missing = sorted(set(wanted) - set(network.spec.outputs))
        if missing:
            raise IncompatibleGraph(f"{network.spec.name} lacks YuNet's outputs {', '.join(missing)}.")
        self._index = {name: network.spec.outputs.index(name) for name in wanted}

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        outputs = self._network.run(canvas[np.newaxis], ticket)
        parts = [self._decode(outputs, stride, canvas.shape[1], threshold) for stride in _STRIDES]
        boxes, scores, landmarks = (np.concatenate(part) for part in zip(*parts, strict=True))
        return suppress(Detection(boxes, scores, landmarks), nms_threshold)

    def _decode(
        self, outputs: Outputs, stride: int, width: int, threshold: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Boxes ``(m, 4)``, scores ``(m,)`` and landmarks ``(m, 5, 2)`` of the cells above the threshold."""
        cls, obj, bbox, kps = (outputs[self._index[f"{kind}_{stride}"]][0] for kind in _KINDS)
        scores = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        found = candidates(scores, threshold)
        rows, columns = np.divmod(found, width // stride)
        cell = np.stack([columns, rows], axis=1).astype(np.float32)
        centre = (cell + bbox[found, :2]) * stride
        half = np.exp(bbox[found, 2:]) * (stride / 2)
        landmarks = (kps[found].reshape(-1, 5, 2) + cell[:, np.newaxis]) * stride
        return np.concatenate([centre - half, centre + half], axis=1), scores[found], landmarks
