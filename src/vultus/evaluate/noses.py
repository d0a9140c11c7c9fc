"""Detection against photographs whose noses are marked, as CompreFace judges it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import GroundTruthError
from vultus.evaluate.files import read_json
from vultus.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A picture and what is marked in it.

    Attributes:
        path: The file.
        noses: float32 ``(n, 2)``, pixels, x first; where boxes are marked, their centres.
        boxes: float32 ``(n, 4)``, x1, y1, x2, y2, where they are marked.
    """

    path: Path
    noses: FloatArray
    boxes: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """How boxes and noses agree.

    Attributes:
        noses: Noses marked.
        found: Noses inside a box.
        false: Boxes without a nose.
        doubled: Boxes whose noses all lie in a better box, too: the same face found twice.
    """

    noses: int
    found: int
    false: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Errors:
    """CompreFace's measure of a detector.

    Attributes:
        missed_noses: Noses that no box could be given to.
        missed_boxes: Boxes that no nose could be given to.
    """

    missed_noses: int
    missed_boxes: int

    @property
    def total(self) -> int:
        """What CompreFace sums up and wants to be 0."""
        return self.missed_noses + self.missed_boxes


def read(folder: Path) -> list[Photograph]:
    """The photographs of CompreFace's samples, ``annotations.json`` of the folder.

    Raises:
        GroundTruthError: The file cannot be read or is another.
    """
    path = folder / "annotations.json"
    return annotated(read_json(path), folder, path)


def annotated(annotations: object, folder: Path, origin: Path) -> list[Photograph]:
    """Photographs as ``annotations.json`` describes them; what it does not include is left out.

    Args:
        annotations: Its content: ``{"noses_xy": [{"image": ..., "noses": [[x, y], ...], "include": true}]}``.
        folder: Where the pictures are.
        origin: Name of the file, for messages.

    Raises:
        GroundTruthError: It is of another form.
    """
    try:
        return [
            Photograph(folder / item["image"], np.array(item["noses"], np.float32).reshape(-1, 2))
            for item in annotations["noses_xy"]  # type: ignore[index]
            if item.get("include", True)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GroundTruthError(f"{origin} does not list noses as CompreFace's annotations.json does") from error


def inside(boxes: FloatArray, noses: FloatArray) -> NDArray[np.bool_]:
    """Whether box ``i`` holds nose ``j``, ``(m, n)``; edges count as inside."""
    x, y = noses[None, :, 0], noses[None, :, 1]
    x1, y1, x2, y2 = (boxes[:, i, None] for i in range(4))
    return np.asarray((x >= x1) & (x <= x2) & (y >= y1) & (y <= y2), np.bool_)


def count(boxes: FloatArray, noses: FloatArray) -> Hits:
    """Compare boxes ``(m, 4)`` in order of descending score with noses ``(n, 2)``."""
    holds = inside(boxes, noses)
    alone = ~holds.any(1)
    doubled = int((~found_noses(boxes, noses) & ~alone).sum())
    return Hits(len(noses), int(holds.any(0).sum()), int(alone.sum()), doubled)


def found_noses(boxes: FloatArray, noses: FloatArray) -> NDArray[np.bool_]:
    """Which of the boxes, in order of descending score, hold a nose that none before them was given."""
    taken = np.zeros(len(noses), np.bool_)
    hits = np.zeros(len(boxes), np.bool_)
    for index, row in enumerate(inside(boxes, noses)):
        free = np.flatnonzero(row & ~taken)
        hits[index] = len(free) > 0
        taken[free[:1]] = True
    return hits


def errors(boxes: FloatArray, noses: FloatArray) -> Errors:
    """CompreFace's errors of one picture (the measure of its tools *scan* and *benchmark_detection*).

    Each nose in turn looks at the box with the nearest centre of those that are left; if it lies inside, both are
    settled. Each box in turn does the same with the noses.
    """
    holds = inside(boxes, noses)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distances = np.linalg.norm(centres[:, None].astype(np.float64) - noses[None], axis=2)
    return Errors(_unsettled(distances.T, holds.T), _unsettled(distances, holds))


def _unsettled(distances: NDArray[np.float64], holds: NDArray[np.bool_]) -> int:
    """Rows that their nearest remaining column does not settle."""
    left = distances.copy()
    missed = 0
    for row in range(len(left)):
        nearest = int(left[row].argmin()) if left.shape[1] else 0
        if left.shape[1] and np.isfinite(left[row, nearest]) and holds[row, nearest]:
            left[:, nearest] = np.inf
        else:
            missed += 1
    return missed
