"""Searching a detector's settings over photographs whose faces are known.

The network runs once on each canvas, at the lowest threshold of the grid and without suppression. As greedy suppression
goes by descending score, no box is ever dropped because of a weaker one: what a threshold leaves is the upper part of
what suppression leaves of all. So one suppression for each overlap answers every threshold, and the grid is searched
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vultus.detect.detector import join, rescale, suppress
from vultus.evaluate.detection import stack_boxes, stack_scores
from vultus.types import Analysis, Detection, FloatArray

Judge = Callable[[FloatArray], tuple[int, int]]
"""Says of boxes ``(n, 4)``, in picture pixels by descending score, how many faces they miss and how many show none."""

Counts = NDArray[np.int64]

_TIES = 1e-9  # of threshold values that were computed, not typed


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings of a detector; each means what the setting of its name does."""

    canvas: int
    second_canvas: int
    nms_threshold: float
    threshold: float

    @property
    def pixels(self) -> int:
        """Pixels the network looks at: what a picture costs."""
        return self.canvas**2 + self.second_canvas**2


@dataclass(frozen=True)
class Grid:
    """The settings to try: every combination, but for a second canvas that is not smaller than the first.

    Attributes:
        canvases, second_canvases: Sides in pixels; a second canvas of 0 is none.
        nms_thresholds, thresholds: Ascending.
    """

    canvases: tuple[int, ...]
    second_canvases: tuple[int, ...]
    nms_thresholds: tuple[float, ...]
    thresholds: tuple[float, ...]

    @cached_property
    def inputs(self) -> list[tuple[int, int]]:
        """Canvas and second canvas, the cheapest first."""
        pairs = [(first, second) for first, second in product(self.canvases, self.second_canvases) if second < first]
        return sorted(pairs, key=lambda pair: pair[0] ** 2 + pair[1] ** 2)

    @property
    def sides(self) -> list[int]:
        """Every canvas that has to be looked at."""
        return sorted({side for pair in self.inputs for side in pair if side})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Axes of the tables: inputs, overlaps, thresholds."""
        return len(self.inputs), len(self.nms_thresholds), len(self.thresholds)

    def choice(self, place: tuple[int, ...]) -> Choice:
        """The settings at a place of a table."""
        first, overlap, threshold = place
        return Choice(*self.inputs[first], self.nms_thresholds[overlap], self.thresholds[threshold])

    def place(self, choice: Choice) -> tuple[int, int, int]:
        """Where the settings stand in a table."""
        return (
            self.inputs.index((choice.canvas, choice.second_canvas)),
            int(np.abs(np.array(self.nms_thresholds) - choice.nms_threshold).argmin()),
            int(np.abs(np.array(self.thresholds) - choice.threshold).argmin()),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What settings make of the photographs: faces missed, boxes without a face."""

    choice: Choice
    missed: int
    false: int

    @property
    def errors(self) -> int:
        """Both together (CompreFace's measure)."""
        return self.missed + self.false


@dataclass(frozen=True, slots=True)
class Row:
    """The best threshold for one input and overlap, and the thresholds ``low`` to ``high`` that are no worse."""

    trial: Trial
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """How much the best settings may be changed, one at a time, at no more errors.

    Attributes:
        thresholds, nms_thresholds: Lowest and highest value around the best.
        inputs: All canvases with second canvas.
        share: Part of all combinations with as few errors.
        share_near: Part of all combinations with at most one error more.
    """

    thresholds: tuple[float, float]
    nms_thresholds: tuple[float, float]
    inputs: list[tuple[int, int]]
    share: float
    share_near: float


def keep(found: Analysis) -> tuple[Detection, float]:
    """Boxes and scores of a picture's faces, and the scale of the canvas they were found on."""
    return Detection(stack_boxes(found.faces), stack_scores(found.faces), None), found.scale


def try_all(kept: Mapping[int, tuple[Detection, float]], judge: Judge, grid: Grid, most: int) -> Counts:
    """What every combination of a grid makes of one picture.

    Args:
        kept: By canvas: all that was found there above the lowest threshold, unsuppressed, and the canvas's scale.
        judge: Knows the picture's faces.
        grid: What to try.
        most: Faces of a picture that count, the best first.

    Returns:
        Missed and false, ``(2, inputs, overlaps, thresholds)``.
    """
    counts = np.empty((2, *grid.shape), np.int64)
    lowest_first = np.array(grid.thresholds, np.float32)
    for i, (first, second) in enumerate(grid.inputs):
        for j, overlap in enumerate(grid.nms_thresholds):
            found = _suppressed(kept, first, second, overlap)
            ends = np.minimum((found.scores[:, np.newaxis] > lowest_first).sum(0), most)
            judged = {int(end): judge(found.boxes[:end]) for end in np.unique(ends)}
            counts[:, i, j] = np.array([judged[int(end)] for end in ends]).T
    return counts


class Search:
    """All combinations, tried on all photographs.

    Args:
        grid: What was tried.
        counts: What ``try_all`` said of each picture.

    Raises:
        ValueError: There is no picture.
    """

    def __init__(self, grid: Grid, counts: Iterable[Counts]) -> None:
        self.grid = grid
        self._counts = np.stack(list(counts))
        self._missed, self._false = self._counts.sum(0)
        self.errors: Counts = self._missed + self._false

    @property
    def size(self) -> int:
        """Number of combinations."""
        return self.errors.size

    def trial(self, choice: Choice) -> Trial:
        """How settings of the grid did."""
        place = self.grid.place(choice)
        return Trial(self.grid.choice(place), int(self._missed[place]), int(self._false[place]))

    @cached_property
    def best(self) -> Trial:
        """Of those with the fewest errors the cheapest; of these the one furthest from where it gets worse."""
        return self.trial(self.grid.choice(_safest(self.errors)))

    def rows(self, count: int) -> list[Row]:
        """The best threshold of each input and overlap; fewest errors first, then the cheaper, then the flatter."""
        rows = []
        for i, j in np.ndindex(self.grid.shape[:2]):
            start, stop = _longest_run(self.errors[i, j])
            trial = self.trial(self.grid.choice((i, j, (start + stop - 1) // 2)))
            rows.append((stop - start, Row(trial, self.grid.thresholds[start], self.grid.thresholds[stop - 1])))
        rows.sort(key=lambda item: (item[1].trial.errors, item[1].trial.choice.pixels, -item[0]))
        return [row for _, row in rows[:count]]

    @property
    def plateau(self) -> Plateau:
        """How flat the errors are around the best settings."""
        i, j, k = self.grid.place(self.best.choice)
        least = self.best.errors
        start, stop = _run_around(self.errors[i, j] <= least, k)
        low, high = _run_around(self.errors[i, :, k] <= least, j)
        inputs = self.grid.inputs
        return Plateau(
            thresholds=(self.grid.thresholds[start], self.grid.thresholds[stop - 1]),
            nms_thresholds=(self.grid.nms_thresholds[low], self.grid.nms_thresholds[high - 1]),
            inputs=[inputs[place] for place in np.flatnonzero(self.errors[:, j, k] <= least)],
            share=float((self.errors <= least).mean()),
            share_near=float((self.errors <= least + 1).mean()),
        )

    @cached_property
    def held_out(self) -> Trial | None:
        """What each picture gets with the settings that are best on all the others: an honest guess at new pictures.

        ``None`` for a single picture. The settings told are the best of all.
        """
        if len(self._counts) < 2:
            return None
        total = np.zeros(2, np.int64)
        for counts in self._counts:
            total += counts[(slice(None), *_safest(self.errors - counts.sum(0)))]
        return Trial(self.best.choice, int(total[0]), int(total[1]))


def steps(low: float, high: float, step: float) -> tuple[float, ...]:
    """Values from ``low`` to ``high``, both included, to four places."""
    return tuple(round(low + i * step, 4) for i in range(int((high - low) / step + _TIES) + 1))


def _suppressed(kept: Mapping[int, tuple[Detection, float]], first: int, second: int, overlap: float) -> Detection:
    """As the walk does it: faces of one canvas are suppressed in its pixels, those of two in the picture's."""
    found, scale = kept[first]
    if second:
        return suppress(join([found, kept[second][0]]), overlap)
    return rescale(suppress(rescale(found, 1 / scale), overlap), scale)


def _safest(errors: Counts) -> tuple[int, int, int]:
    """Place of the fewest errors: in the first input that has them, in the middle of the longest run of thresholds."""
    least = errors.min()
    i = int(np.argwhere(errors == least)[0, 0])
    runs = [_longest_run(row) if row.min() == least else (0, 0) for row in errors[i]]
    lengths = np.array([stop - start for start, stop in runs])
    flattest = np.flatnonzero(lengths == lengths.max())
    j = int(flattest[(len(flattest) - 1) // 2])
    start, stop = runs[j]
    return i, j, (start + stop - 1) // 2


def _longest_run(row: Counts) -> tuple[int, int]:
    """Start and stop of the longest run of a row's least value."""
    ends = [_run_around(row == row.min(), int(place)) for place in np.flatnonzero(row == row.min())]
    return max(ends, key=lambda run: run[1] - run[0])


def _run_around(holds: NDArray[np.bool_], place: int) -> tuple[int, int]:
    """Start and stop of the run of truths that holds ``place``."""
    breaks = np.flatnonzero(~holds)
    before, after = breaks[breaks < place], breaks[breaks > place]
    return (int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(holds))
