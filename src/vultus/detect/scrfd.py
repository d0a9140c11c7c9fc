"""SCRFD: Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021 (InsightFace).

An anchor-point detector: every cell of the strides 8, 16, 32 (some exports also 64 and 128) holds one or two anchor
points at its top left corner; each gives a score, the distances from the point to the four sides of the box, and
where the network has key points, the offsets to them, all in units of the stride.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vultus.detect.detector import candidates, foreign, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image


class _Level(NamedTuple):
    """What one stride says: ``scores (rows, 1)``, ``distances (rows, 4)``, ``offsets (rows, 10)`` or ``None``."""

    scores: FloatArray
    distances: FloatArray
    offsets: FloatArray | None


# Columns of an output tell what it is, rows tell its stride: names and order differ between exports.
_SCORE, _BOX, _POINTS = 1, 4, 10
_KNOWN_EXPORTS = {6: (3, False), 9: (3, True), 10: (5, False), 15: (5, True)}  # outputs -> strides, key points
_FIRST_STRIDE = 8


class Scrfd:
    """SCRFD in any of its exports: named or numbered outputs in any order, with or without key points or a batch axis.

    Args:
        network: The network at the canvas size it will be used at.

    Raises:
        IncompatibleGraph: The number of outputs is none of SCRFD's.
    """

    def __init__(self, network: Network) -> None:
        found = len(network.spec.outputs)
        if found not in _KNOWN_EXPORTS:
            raise IncompatibleGraph(f"{network.spec.name} has {found} outputs; SCRFD has one of {[*_KNOWN_EXPORTS]}.")
        self._network = network
        self._strides, self._has_points = _KNOWN_EXPORTS[found]

    @property
    def has_landmarks(self) -> bool:
        """See ``Detector``."""
        return self._has_points

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        levels = self._levels(self._network.run(canvas[np.newaxis], ticket))
        parts = [
            _decode(level, _FIRST_STRIDE << index, canvas.shape[1], threshold, self._anchors)
            for index, level in enumerate(levels)
        ]
        boxes, scores, points = zip(*parts, strict=True)
        landmarks = np.concatenate(points).reshape(-1, 5, 2) if self._has_points else None
        return suppress(Detection(np.concatenate(boxes), np.concatenate(scores), landmarks), nms_threshold)

    @property
    def _anchors(self) -> int:
        return 2 if self._strides == 3 else 1

    def _levels(self, outputs: Outputs) -> list[_Level]:
        """The outputs by stride, whatever their order."""
        by_columns: dict[int, list[NDArray[Any]]] = {_SCORE: [], _BOX: [], _POINTS: []}
        for output in outputs:
            by_columns.setdefault(output.shape[-1], []).append(output.reshape(-1, output.shape[-1]))
        spec = self._network.spec
        cells = [
            (spec.input.height // stride) * (spec.input.width // stride) * self._anchors
            for stride in (_FIRST_STRIDE << index for index in range(self._strides))
        ]
        kinds = [sorted(kind, key=len, reverse=True) for kind in by_columns.values()]
        wanted = [cells, cells, cells if self._has_points else []]
        if [[len(output) for output in kind] for kind in kinds] != wanted:
            raise foreign(spec, outputs, "SCRFD")
        scores, distances, offsets = kinds
        return [
            _Level(scores[index], distances[index], offsets[index] if self._has_points else None)
            for index in range(self._strides)
        ]


def _decode(
    level: _Level, stride: int, width: int, threshold: float, anchors: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Boxes ``(m, 4)``, scores ``(m,)`` and points ``(m, 10)`` of the anchors that score above the threshold."""
    found = candidates(level.scores[:, 0], threshold)
    rows, columns = np.divmod(found // anchors, width // stride)
    corner = np.stack([columns, rows], axis=1).astype(np.float32) * stride
    distances = level.distances[found] * stride
    boxes = np.concatenate([corner - distances[:, :2], corner + distances[:, 2:]], axis=1)
    if level.offsets is None:
        return boxes, level.scores[found, 0], np.empty((len(found), 0), np.float32)
    points = level.offsets[found] * stride + np.tile(corner, 5)
    return boxes, level.scores[found, 0], points
