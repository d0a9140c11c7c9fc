"""Where in a graph's outputs the rows of a batch are: public exports were traced with one picture, and it shows.

An export that keeps the batch axis answers n pictures with ``(n, places, values)``. One whose last reshape says
``(1, -1, values)`` puts the pictures one after the other; one that moves the batch axis inwards and drops it, as
InsightFace's SCRFD does, puts the pictures' anchors side by side at every place: ``(cells, n, anchors, values)``. No
shape tells these apart, but a trial does: two pictures together must come to what each comes to alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IncompatibleGraph

RowOutputs: TypeAlias = Sequence[NDArray[Any]]

_ANCHORS = (1, 2, 3)  # of a cell, in the families there are
_CLEAR = 0.1  # a row is found where it differs from itself alone at most by this part of what it differs from the other


@dataclass(frozen=True, slots=True)
class Layout:
    """How one output holds the rows of a batch.

    Attributes:
        shape: Of the output of one row, without the batch axis.
        blocks: Into how many blocks each row is cut: the first blocks of all rows come first, then all second ones.
    """

    shape: tuple[int, ...]
    blocks: int = 1

    def split(self, output: NDArray[Any], rows: int) -> NDArray[Any]:
        """The output of a batch as ``(rows, *shape)``.

        Raises:
            ValueError: It does not have as many values as these rows have.
        """
        by_block = output.reshape(self.blocks, rows, -1)
        return by_block.swapaxes(0, 1).reshape(rows, *self.shape)


def row_shape(output: NDArray[Any]) -> tuple[int, ...]:
    """Shape of what a graph answers to one picture; a leading axis of length 1 is taken to be the batch's."""
    return output.shape[1:] if output.ndim > 1 and len(output) == 1 else output.shape


def find_layouts(alone: Sequence[RowOutputs], together: RowOutputs) -> list[Layout]:
    """The layout of each output, found by what a few different pictures came to.

    Args:
        alone: The outputs of each picture by itself; two pictures or more.
        together: The outputs of all of them as one batch.

    Raises:
        IncompatibleGraph: The graph's answers to a batch are not those to its pictures.
    """
    return [
        _find_layout(np.stack([outputs[index].reshape(row_shape(outputs[index])) for outputs in alone]), output)
        for index, output in enumerate(together)
    ]


def _find_layout(expected: NDArray[Any], output: NDArray[Any]) -> Layout:
    shape = expected.shape[1:]
    if output.size == expected.size:
        tried = [(_distance(layout.split(output, len(expected)), expected), layout) for layout in _candidates(shape)]
        distance, best = min(tried, key=lambda pair: pair[0])
        if distance <= _CLEAR * _distance(np.roll(expected, 1, axis=0), expected):
            return best
    raise IncompatibleGraph(
        f"its answer of shape {output.shape} to {len(expected)} pictures is not what they come to alone, {shape} each"
    )


def _candidates(shape: tuple[int, ...]) -> Iterator[Layout]:
    yield Layout(shape)
    places = shape[0] if len(shape) > 1 else 1
    for anchors in _ANCHORS:
        if places % anchors == 0 and places > anchors:
            yield Layout(shape, places // anchors)


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())
