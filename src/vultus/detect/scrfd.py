"""SCRFD: Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021 (InsightFace).

An anchor-point detector: every cell of the strides 8, 16, 32 (some exports also 64 and 128) holds one or two anchor
points at its top left corner; each gives a score, the distances from the point to the four sides of the box, and
where the network has key points, the offsets to them, all in units of the stride.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vultus.detect.detector import Index, candidates, foreign, join, suppress
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
_OUTWARDS: FloatArray = np.array([-1, -1, 1, 1], np.float32)  # to the left, up, to the right, down


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
        count, self._has_points = _KNOWN_EXPORTS[found]
        size, anchors = network.spec.input, 2 if count == 3 else 1
        self._strides = [_FIRST_STRIDE << index for index in range(count)]
        self._corners = [_corners(size.width // side, size.height // side, anchors, side) for side in self._strides]

    @property
    def has_landmarks(self) -> bool:
        """See ``Detector``."""
        return self._has_points

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        levels = self._levels(self._network.run(canvas[np.newaxis], ticket))
        found = [candidates(level.scores[:, 0], threshold) for level in levels]
        parts = [
            _decode(level, places, stride, corners)
            for level, places, stride, corners in zip(levels, found, self._strides, self._corners, strict=True)
            if len(places) or level is levels[0]  # in most pictures, all but one or two levels tell of nothing
        ]
        return suppress(join(parts), nms_threshold)

    def _levels(self, outputs: Outputs) -> list[_Level]:
        """The outputs by stride, whatever their order."""
        by_columns: dict[int, list[NDArray[Any]]] = {_SCORE: [], _BOX: [], _POINTS: []}
        for output in outputs:
            by_columns.setdefault(output.shape[-1], []).append(output.reshape(-1, output.shape[-1]))
        cells = [len(corners) for corners in self._corners]
        kinds = [sorted(kind, key=len, reverse=True) for kind in by_columns.values()]
        wanted = [cells, cells, cells if self._has_points else []]
        if [[len(output) for output in kind] for kind in kinds] != wanted:
            raise foreign(self._network.spec, outputs, "SCRFD")
        scores, distances, offsets = kinds
        return [
            _Level(scores[index], distances[index], offsets[index] if self._has_points else None)
            for index in range(len(self._strides))
        ]


def _corners(columns: int, rows: int, anchors: int, stride: int) -> FloatArray:
    """The anchor points of a stride in canvas pixels, row by row: float32 ``(rows * columns * anchors, 2)``."""
    down, across, _ = np.indices((rows, columns, anchors), np.float32)
    return np.stack([across, down], axis=-1).reshape(-1, 2) * np.float32(stride)


def _decode(level: _Level, found: Index, stride: int, corners: FloatArray) -> Detection:
    """The faces, in canvas pixels, that the anchor points at ``found (m,)`` of ``corners (rows, 2)`` tell of."""
    corner = corners[found, np.newaxis]
    boxes = (level.distances[found] * (_OUTWARDS * stride)).reshape(-1, 2, 2) + corner
    points = None
    if level.offsets is not None:
        points = (level.offsets[found] * np.float32(stride)).reshape(-1, 5, 2) + corner
    return Detection(boxes.reshape(-1, 4), level.scores[found, 0], points)
