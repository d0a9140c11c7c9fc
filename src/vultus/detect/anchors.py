"""Square anchors: what the RetinaFace detectors tell the places of boxes and landmarks relative to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from vultus.detect.detector import Index
from vultus.types import FloatArray, InputSpec


class Level(NamedTuple):
    """The anchors of one stride.

    Attributes:
        stride: Distance of the cells in pixels.
        centre: Where those of the first cell have their centre, in pixels, across as well as down.
        sides: Lengths of their sides in pixels, in the order of the network's outputs.
    """

    stride: int
    centre: float
    sides: tuple[int, ...]


class Anchors(NamedTuple):
    """Square anchors, in pixels of the canvas.

    Attributes:
        centres: float32 ``(n, 2)``.
        sides: float32 ``(n, 1)``.
    """

    centres: FloatArray
    sides: FloatArray

    @classmethod
    def on_canvas(cls, spec: InputSpec, levels: Sequence[Level]) -> Self:
        """Those of all levels, one level after the other, in each by row, column and place among its sides."""
        centres, sides = [], []
        for level in levels:
            rows, columns, index = np.indices((*cells(spec, level.stride), len(level.sides))).reshape(3, -1)
            centres.append(np.stack([columns, rows], axis=1) * level.stride + level.centre)
            sides.append(np.array(level.sides)[index, np.newaxis])
        return cls(np.concatenate(centres).astype(np.float32), np.concatenate(sides).astype(np.float32))

    def at(self, index: Index) -> Self:
        """The anchors at ``index``, in that order."""
        return type(self)(self.centres[index], self.sides[index])

    def points(self, offsets: FloatArray) -> FloatArray:
        """Points ``(n, k, 2)``, given in sides of the anchors from their centres, in pixels."""
        return self.centres[:, np.newaxis] + offsets * self.sides[:, np.newaxis]


def cells(spec: InputSpec, stride: int) -> tuple[int, int]:
    """Rows and columns of the cells of a stride; one that only begins on the canvas counts."""
    return -(-spec.height // stride), -(-spec.width // stride)
