"""YOLOv5-face: Qi et al., "YOLO5Face: Why Reinventing a Face Detector", 2021 (deepcam-cn/yolov5-face).

Every cell of the strides 8, 16 and 32 holds three anchors of different size, and each gives 16 numbers: centre and size
of the box, objectness, five landmarks, and the score of the only class. Exports either hand these out as they leave the
network, by stride, or decoded to canvas pixels in one table.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from vultus.detect.detector import candidates, foreign, suppress
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image, InputSpec

_ANCHORS = {
    8: ((4, 5), (8, 10), (13, 16)),
    16: ((23, 29), (43, 55), (73, 105)),
    32: ((146, 217), (231, 300), (335, 433)),
}
"""Width and height of each stride's anchors, in pixels (``models/yolov5*.yaml``)."""

_COLUMNS = 16
_CENTRE, _SIZE, _OBJECTNESS, _POINTS = slice(0, 2), slice(2, 4), 4, slice(5, 15)
# The class score is left out: there is one class, its loss is not trained, and it answers about 0.98 to everything.

_FARTHEST = 4.0  # cells from a box's centre to its cell's: 1 by construction, some more for bf16 far from the corner


class Yolov5Face:
    """YOLOv5-face with strides 8, 16 and 32; as one decoded table or as three raw heads.

    Args:
        network: The network at the canvas size it will be used at; it is run once.

    Raises:
        IncompatibleGraph: The outputs are not YOLOv5-face's, or not those of an input of this size.
    """

    has_landmarks = True

    def __init__(self, network: Network) -> None:
        self._network = network
        size = network.spec.input
        self._corners, self._anchors, self._strides = _layout(size)
        table, is_raw = self._table(network.run(np.zeros((1, size.height, size.width, 3), np.uint8), Ticket()))
        away = table[:, _CENTRE] / self._strides - self._corners - 0.5
        # An export with its grid built in answers a canvas of another shape and the same area as if nothing were wrong.
        if not is_raw and (np.abs(away) > _FARTHEST).any():
            raise IncompatibleGraph(
                f"{network.spec.name} has the grid of another size than {size.width}x{size.height} built in; "
                "run it at that of its export."
            )

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``."""
        table, is_raw = self._table(self._network.run(canvas[np.newaxis], ticket))
        scores = _sigmoid(table[:, _OBJECTNESS]) if is_raw else table[:, _OBJECTNESS]
        found = candidates(scores, threshold)
        rows = self._decode(table[found], found) if is_raw else table[found]
        half = rows[:, _SIZE] / 2
        boxes = np.concatenate([rows[:, _CENTRE] - half, rows[:, _CENTRE] + half], axis=1)
        return suppress(Detection(boxes, scores[found], rows[:, _POINTS].reshape(-1, 5, 2)), nms_threshold)

    def _table(self, outputs: Outputs) -> tuple[FloatArray, bool]:
        """One row for each anchor of ``_layout``, ``(n, 16)``, and whether they still have to be decoded."""
        size = self._network.spec.input
        by_shape = {output.shape: np.asarray(output, np.float32) for output in outputs}
        decoded = by_shape.get((1, len(self._corners), _COLUMNS))
        if decoded is not None:
            return decoded[0], False
        heads = []
        for stride, anchors in _ANCHORS.items():
            count, rows, columns = len(anchors), size.height // stride, size.width // stride
            head = by_shape.get((1, count, rows, columns, _COLUMNS))
            flat = by_shape.get((1, count * _COLUMNS, rows, columns))
            if head is None and flat is not None:
                head = flat.reshape(1, count, _COLUMNS, rows, columns).transpose(0, 1, 3, 4, 2)
            if head is None:
                raise foreign(self._network.spec, outputs, "YOLOv5-face")
            heads.append(head.reshape(-1, _COLUMNS))
        return np.concatenate(heads), True

    def _decode(self, rows: FloatArray, found: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FloatArray:
        """Raw rows at the places ``found`` of the table, to canvas pixels; scores are left alone."""
        decoded = rows.copy()
        corners, anchors, strides = self._corners[found], self._anchors[found], self._strides[found]
        decoded[:, _CENTRE] = (_sigmoid(rows[:, _CENTRE]) * 2 - 0.5 + corners) * strides
        decoded[:, _SIZE] = (_sigmoid(rows[:, _SIZE]) * 2) ** 2 * anchors
        decoded[:, _POINTS] = rows[:, _POINTS] * np.tile(anchors, 5) + np.tile(corners * strides, 5)
        return decoded


def _layout(size: InputSpec) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cell ``(n, 2)``, anchor ``(n, 2)`` and stride ``(n, 1)`` of each row of the table.

    The order is by stride, then by anchor, row and column.
    """
    corners, anchors, strides = [], [], []
    for stride, sizes in _ANCHORS.items():
        rows, columns = size.height // stride, size.width // stride
        cells = np.array([(column, row) for row, column in product(range(rows), range(columns))], np.float32)
        corners.append(np.tile(cells.reshape(-1, 2), (len(sizes), 1)))
        anchors.append(np.repeat(np.array(sizes, np.float32), rows * columns, axis=0))
        strides.append(np.full((len(sizes) * rows * columns, 1), stride, np.float32))
    return np.concatenate(corners), np.concatenate(anchors), np.concatenate(strides)


def _sigmoid(value: FloatArray) -> FloatArray:
    """Without overflow, whatever the sign."""
    return ((1 + np.tanh(value / 2)) / 2).astype(np.float32)
