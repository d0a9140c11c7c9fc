"""Runs a detector over photographs so that its settings can be searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from vultus.detect.detector import MAX_CANDIDATES
from vultus.engine import FaceEngine
from vultus.evaluate import noses
from vultus.evaluate.boxes import found_boxes
from vultus.evaluate.noses import Photograph
from vultus.evaluate.tune import Choice, Counts, Grid, Judge, Trial, keep, try_all
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels
from vultus.profiles import square
from vultus.settings import Settings
from vultus.types import FloatArray, Plan, Profile

_BOXES = Plan(embeddings=False)


def judge_of(photograph: Photograph, *, by_boxes: bool) -> Judge:
    """What tells of boxes found in a photograph how many faces they miss, and how many show none.

    Args:
        photograph: What is marked.
        by_boxes: A box finds a face from an IoU of 0.5 on, and each face is found once; otherwise CompreFace's measure
            of boxes and noses.
    """

    def by_overlap(boxes: FloatArray) -> tuple[int, int]:
        assert photograph.boxes is not None
        found = int(found_boxes(boxes, photograph.boxes).sum())
        return len(photograph.boxes) - found, len(boxes) - found

    def by_noses(boxes: FloatArray) -> tuple[int, int]:
        errors = noses.errors(boxes, photograph.noses)
        return errors.missed_noses, errors.missed_boxes

    return by_overlap if by_boxes else by_noses


class Tuner:
    """A detector, ready for every canvas of a grid. Use it in a ``with`` statement.

    Args:
        settings: Which detector, and how it is run.
        grid: What is to be tried; of a detector with a single input size, only one canvas.

    Attributes:
        grid: What can be tried.

    Raises:
        VultusError: The detector cannot be had.
    """

    def __init__(self, settings: Settings, grid: Grid) -> None:
        # Suppression takes so many boxes at the most: no more need to be kept, and no fewer.
        self._engine = FaceEngine(settings.model_copy(update={"max_picture_faces": MAX_CANDIDATES}))
        self._most = settings.max_picture_faces
        self._limits = Limits.from_settings(settings)
        self.has_one_size = not self._engine.model(self._engine.default_profile.detector).resizable
        self.grid = replace(grid, canvases=(settings.canvas,), second_canvases=(0,)) if self.has_one_size else grid

    def __enter__(self) -> Self:
        try:
            self._engine.prepare(*self._profiles.values())
        except BaseException:
            self._engine.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()

    @property
    def detector(self) -> str:
        """Catalogue name of the detector."""
        return self._engine.default_profile.detector

    def counts(self, photographs: Sequence[Photograph]) -> Iterator[Counts]:
        """What every combination makes of each photograph; see ``try_all``.

        Raises:
            PictureError: One cannot be read.
        """
        for photograph, judge in self._judged(photographs):
            pixels = read_pixels(photograph.path, self._limits)
            found = {side: self._engine.submit(pixels, _BOXES, how) for side, how in self._profiles.items()}
            kept = {side: keep(answer.result()) for side, answer in found.items()}
            yield try_all(kept, judge, self.grid, self._most)

    def run(self, choice: Choice, photographs: Sequence[Photograph]) -> Trial:
        """What these settings make of the photographs when the detector is run with them, as a user would."""
        missed = false = 0
        profile = replace(
            self._profile(choice.canvas, choice.threshold, choice.nms_threshold),
            second_canvas=square(choice.second_canvas) if choice.second_canvas else None,
        )
        for photograph, judge in self._judged(photographs):
            found, _ = keep(self._engine.analyze(photograph.path, _BOXES, profile))
            counts = judge(found.boxes[: self._most])
            missed, false = missed + counts[0], false + counts[1]
        return Trial(choice, missed, false)

    def _judged(self, photographs: Sequence[Photograph]) -> Iterator[tuple[Photograph, Judge]]:
        by_boxes = all(photograph.boxes is not None for photograph in photographs)
        return ((photograph, judge_of(photograph, by_boxes=by_boxes)) for photograph in photographs)

    @property
    def _profiles(self) -> dict[int, Profile]:
        """By canvas: everything above the lowest threshold, whatever overlaps."""
        return {side: self._profile(side, self.grid.thresholds[0], 1.0) for side in self.grid.sides}

    def _profile(self, side: int, threshold: float, overlap: float) -> Profile:
        used = self._engine.default_profile
        return replace(
            used,
            name="tune",
            embedder=None,
            attributes=(),
            canvas=replace(used.canvas, width=side, height=side) if side in self.grid.canvases else square(side),
            second_canvas=None,
            threshold=threshold,
            nms_threshold=overlap,
        )
