"""Detection against photographs whose noses are marked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vultus.types import FloatArray


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file and where the noses are in it: float32 ``(n, 2)``, pixels, x first."""

    path: Path
    noses: FloatArray


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


def read(folder: Path) -> list[Photograph]:
    """The photographs of CompreFace's samples, ``annotations.json`` of the folder."""
    annotations = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    return [
        Photograph(folder / item["image"], np.array(item["noses"], np.float32).reshape(-1, 2))
        for item in annotations["noses_xy"]
        if item["include"]
    ]


def count(boxes: FloatArray, noses: FloatArray) -> Hits:
    """Compare boxes ``(m, 4)`` in order of descending score with noses ``(n, 2)``; edges count as inside."""
    x, y = noses[None, :, 0], noses[None, :, 1]
    x1, y1, x2, y2 = (boxes[:, i, None] for i in range(4))
    inside = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
    taken = np.zeros(len(noses), bool)
    doubled = 0
    for row in inside:
        free = np.flatnonzero(row & ~taken)
        if len(free):
            taken[free[0]] = True
        elif row.any():
            doubled += 1
    return Hits(len(noses), int(inside.any(0).sum()), int((~inside.any(1)).sum()), doubled)
