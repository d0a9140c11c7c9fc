"""MTCNN: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016.

Three networks in a row. P-Net looks at the whole canvas in many sizes and proposes windows; R-Net looks at each of them
and discards most; O-Net looks at what is left and places the landmarks. The constants are those of FaceNet's and
CompreFace's detector (the PyPI package ``mtcnn`` 0.1), coordinates that count pixels from 1 included.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from vultus.detect.detector import Index, candidates, suppress, survivors
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Network, Parts
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

_Boxes: TypeAlias = NDArray[np.float64]
_Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]

_CELL = 12  # side of the window that one output cell of P-Net sees
_STRIDE = 2
_REFINE_SIDE, _PLACE_SIDE = 24, 48
_LEVEL_OVERLAP, _OVERLAP = 0.5, 0.7
_FACE, _SHIFTS, _POINTS = 2, 4, 10  # columns of an output tell what it is

MAX_WINDOWS = 1024
"""Windows that R-Net and O-Net look at, each at the most, the best first: bounds the time that noise can cost."""


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _Parameters:
    """What a catalogue entry may choose: the smallest face, in canvas pixels; the step of the pyramid; thresholds."""

    min_face: Annotated[float, Field(ge=_CELL)] = 20
    factor: Annotated[float, Field(gt=0, le=0.95)] = 0.709
    thresholds: tuple[_Probability, _Probability, _Probability] = (0.6, 0.7, 0.7)


class _Windows(NamedTuple):
    """Boxes ``(n, 4)``, their scores ``(n,)``, and how far each edge is to be moved, in sides of the box ``(n, 4)``."""

    boxes: _Boxes
    scores: FloatArray
    shifts: FloatArray

    def at(self, index: Index) -> _Windows:
        return _Windows(self.boxes[index], self.scores[index], self.shifts[index])


class Mtcnn:
    """MTCNN with weights that were trained on transposed pictures: all of ``mtcnn`` on PyPI and its conversions.

    Args:
        parts: P-Net, whose companions are R-Net and O-Net.

    Raises:
        CatalogueError: A parameter of the entry is none of MTCNN's, or out of its range.
        IncompatibleGraph: There are not two companions.
    """

    has_landmarks = True

    def __init__(self, parts: Parts) -> None:
        parameters = parts.parameters(_Parameters)
        if len(parts.model.companions) != 2:
            raise IncompatibleGraph(f"{parts.model.name} needs two companions, MTCNN's R-Net and O-Net.")
        assert parts.size
        self._thresholds = parameters.thresholds
        # A transposed picture is as wide as the canvas is high.
        self._levels = [
            (scale, parts.load(parts.model.name, (_scaled(parts.size[1], scale), _scaled(parts.size[0], scale))))
            for scale in pyramid(min(parts.size), parameters.min_face, parameters.factor)
        ]
        self._refine_net, self._place_net = parts.companions

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """See ``Detector``. Boxes that overlap are dropped by MTCNN's own rules first."""
        turned = np.ascontiguousarray(_without_edge(canvas).swapaxes(0, 1))  # the first axis now goes across
        windows = self._propose(turned, ticket)
        windows = self._refine(turned, windows, ticket)
        found = self._place(turned, windows, ticket)
        above = candidates(found.scores, threshold)
        assert found.landmarks is not None
        return suppress(Detection(found.boxes[above], found.scores[above], found.landmarks[above]), nms_threshold)

    def _propose(self, turned: Image, ticket: Ticket) -> _Boxes:
        shorter = min(turned.shape[:2])
        levels = [
            self._look(turned, scale, network, ticket) for scale, network in self._levels if shorter * scale >= _CELL
        ]
        if not levels:
            return np.empty((0, 4))
        windows = _Windows(*(np.concatenate(part) for part in zip(*levels, strict=True)))
        windows = windows.at(survivors(windows.boxes, windows.scores, _OVERLAP)[:MAX_WINDOWS])
        return _moved(windows, 0)

    def _look(self, turned: Image, scale: float, network: Network, ticket: Ticket) -> _Windows:
        """Windows that P-Net proposes at one level of the pyramid."""
        across, down = (_scaled(side, scale) for side in turned.shape[:2])
        level = np.zeros((1, network.spec.input.height, network.spec.input.width, 3), np.uint8)
        level[0, :across, :down] = cv2.resize(turned, (down, across), interpolation=cv2.INTER_AREA)
        inside = np.s_[0, : _cells(across), : _cells(down)]
        scores, shifts = (out[inside] for out in _outputs(network, level, (_FACE, _SHIFTS), ticket))
        faces = scores[..., 1].ravel()
        found = candidates(faces, self._thresholds[0])
        cells = np.stack(np.divmod(found, scores.shape[1]), axis=1) * _STRIDE  # x, y
        boxes = np.trunc(np.concatenate([cells + 1, cells + _CELL], axis=1) / scale)
        windows = _Windows(boxes, faces[found], shifts.reshape(-1, _SHIFTS)[found])
        return windows.at(survivors(windows.boxes, windows.scores, _LEVEL_OVERLAP))

    def _refine(self, turned: Image, boxes: _Boxes, ticket: Ticket) -> _Boxes:
        boxes, crops = _cut(turned, _squares(boxes), _REFINE_SIDE)
        if not len(boxes):
            return boxes
        scores, shifts = _outputs(self._refine_net, crops, (_FACE, _SHIFTS), ticket)
        windows = _Windows(boxes, scores[:, 1], shifts).at(candidates(scores[:, 1], self._thresholds[1]))
        return _moved(windows.at(survivors(windows.boxes, windows.scores, _OVERLAP)), 1)

    def _place(self, turned: Image, boxes: _Boxes, ticket: Ticket) -> Detection:
        boxes, crops = _cut(turned, _squares(boxes), _PLACE_SIDE)
        if not len(boxes):
            return Detection(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))
        scores, shifts, places = _outputs(self._place_net, crops, (_FACE, _SHIFTS, _POINTS), ticket)
        found = candidates(scores[:, 1], self._thresholds[2])
        windows = _Windows(boxes, scores[:, 1], shifts).at(found)
        sides = windows.boxes[:, 2:] - windows.boxes[:, :2] + 1
        # All five x come before all five y.
        points = places[found].reshape(-1, 2, 5).swapaxes(1, 2) * sides[:, np.newaxis]
        points += windows.boxes[:, np.newaxis, :2] - 1
        moved = _moved(windows, 1)
        keep = survivors(moved, windows.scores, _OVERLAP, "smaller")
        return Detection(moved[keep].astype(np.float32), windows.scores[keep], points[keep].astype(np.float32))


def pyramid(side: int, min_face: float, factor: float) -> list[float]:
    """Scales at which P-Net looks, down to where the shorter ``side`` of the canvas is as large as its window."""
    scales = []
    scale = _CELL / min_face
    while side * scale >= _CELL:
        scales.append(scale)
        scale *= factor
    return scales


def _scaled(side: int, scale: float) -> int:
    return int(np.ceil(side * scale))


def _cells(side: int) -> int:
    """Output cells of P-Net along a side: three convolutions of 3, and after the first a pooling of 2."""
    return (side - 1) // _STRIDE - 4


def _without_edge(canvas: Image) -> Image:
    """The canvas without the black beside and below the picture.

    The pyramid's levels are whole pixels of the picture's size; of another size windows would lie a little elsewhere,
    and FaceNet's crops, hence its embeddings, with them.
    """
    rows = np.flatnonzero(canvas.reshape(len(canvas), -1).any(axis=1))
    columns = np.flatnonzero(canvas.max(axis=0).any(axis=1))
    return canvas[: rows[-1] + 1, : columns[-1] + 1] if len(rows) else canvas


def _outputs(network: Network, batch: Image, columns: tuple[int, ...], ticket: Ticket) -> list[FloatArray]:
    """The outputs with so many columns each.

    Raises:
        IncompatibleGraph: There are others.
    """
    outputs = {output.shape[-1]: output for output in network.run(batch, ticket)}
    if sorted(outputs) != sorted(columns):
        raise IncompatibleGraph(f"{network.spec.name} answers with {sorted(outputs)} columns; MTCNN's has {columns}.")
    return [outputs[kind] for kind in columns]


def _moved(windows: _Windows, added: int) -> _Boxes:
    """Boxes whose edges are moved as the network says; ``added`` is what a side counts above the difference."""
    sides = windows.boxes[:, 2:] - windows.boxes[:, :2] + added
    return np.asarray(windows.boxes + windows.shifts * np.tile(sides, 2), np.float64)


def _squares(boxes: _Boxes) -> _Boxes:
    """Squares of the longer side about the boxes' centres, truncated to whole pixels."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True, initial=0)
    low = boxes[:, :2] + sides / 2 - longer / 2
    return np.asarray(np.trunc(np.concatenate([low, low + longer], axis=1)), np.float64)


def _cut(turned: Image, boxes: _Boxes, side: int) -> tuple[_Boxes, Image]:
    """The boxes that have an extent, and what they show, black outside the canvas: ``(n, side, side, 3)``."""
    longest = 2 * max(turned.shape)  # what is larger comes of a damaged network, and would fill the memory
    extents = boxes[:, 2:] - boxes[:, :2]
    boxes = boxes[((extents >= 0) & (extents <= longest)).all(axis=1)]
    crops = np.empty((len(boxes), side, side, 3), np.uint8)
    low, high = boxes[:, :2].astype(np.int64) - 1, boxes[:, 2:].astype(np.int64)  # pixels are counted from 1
    inner_low, inner_high = (np.clip(corner, 0, turned.shape[:2]) for corner in (low, high))
    for crop, start, end, a, b in zip(crops, low, high, inner_low, inner_high, strict=True):
        window = np.zeros((*(end - start), 3), np.uint8)
        (left, top), (right, bottom) = a - start, b - start
        window[left:right, top:bottom] = turned[a[0] : b[0], a[1] : b[1]]
        crop[:] = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
    return boxes, crops
