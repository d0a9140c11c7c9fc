"""WIDER FACE: average precision by the rule of its evaluation tools.

S. Yang et al., "WIDER FACE: A Face Detection Benchmark", CVPR 2016, and the MATLAB programs published with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vultus.evaluate.boxes import SAME_FACE, iou
from vultus.evaluate.curves import Curve
from vultus.types import FloatArray

THRESHOLDS = 1000
"""Scores are cut at 0.999, 0.998 ... 0."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkedPicture:
    """A picture of the validation set.

    Attributes:
        path: Its path below the folder of pictures: ``event/name.jpg``.
        boxes: Every marked face, ``(n, 4)``, x1, y1, x2, y2 (the files' x + width and y + height).
        counted: By level, which of them count, ``(n,)``; who finds another is neither right nor wrong.
    """

    path: str
    boxes: FloatArray
    counted: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a detector found in a picture: boxes ``(n, 4)`` and scores ``(n,)``, by descending score."""

    boxes: FloatArray
    scores: FloatArray


def curves(pictures: Sequence[MarkedPicture], found: Sequence[Found], thresholds: int = THRESHOLDS) -> dict[str, Curve]:
    """Precision and recall for each level that counts any face.

    What was found in pictures without a marked face does not count, as in the published tools.

    Args:
        pictures: What is marked.
        found: What was found in each.
        thresholds: How many scores are tried.
    """
    normalized = normalize([item.scores for item in found])
    levels = list(pictures[0].counted) if pictures else []
    tallies = {level: np.zeros((thresholds, 2)) for level in levels}
    faces = dict.fromkeys(levels, 0)
    for picture, item, scores in zip(pictures, found, normalized, strict=True):
        overlaps = iou(item.boxes, picture.boxes, pixel=1)
        for level, counted in picture.counted.items():
            faces[level] += int(counted.sum())
            if overlaps.size:
                tallies[level] += tally(overlaps, scores, counted, thresholds)
    return {level: _curve(tallies[level], faces[level]) for level in levels if faces[level]}


def normalize(scores: Sequence[FloatArray]) -> list[NDArray[np.float64]]:
    """Scores of all pictures, stretched together so that the least is 0 and the greatest 1."""
    every = np.concatenate([*scores, np.zeros(0, np.float32)]).astype(np.float64)
    low, high = (every.min(), every.max()) if len(every) else (0.0, 1.0)
    if low == high:
        return [np.ones(len(part)) for part in scores]
    return [(part.astype(np.float64) - low) / (high - low) for part in scores]


def tally(
    overlaps: NDArray[np.float64], scores: NDArray[np.float64], counted: NDArray[np.bool_], thresholds: int = THRESHOLDS
) -> NDArray[np.float64]:
    """Boxes that count and faces found in one picture, for each threshold: ``(thresholds, 2)``.

    Each box, by descending score, is judged by the marked face it overlaps most: one that does not count takes the box
    out of the reckoning, one that was found before makes it wrong.

    Args:
        overlaps: IoU of each box with each marked face, ``(n, m)``, n and m >= 1.
        scores: Of the boxes, 0 to 1, descending.
        counted: Which of the faces count, ``(m,)``.
        thresholds: How many.
    """
    best, close = overlaps.argmax(1), overlaps.max(1) >= SAME_FACE
    left_out = close & ~counted[best]
    candidates = np.flatnonzero(close & counted[best])
    hits = np.zeros(len(scores), np.bool_)
    hits[candidates[np.unique(best[candidates], return_index=True)[1]]] = True
    sums = np.zeros((len(scores) + 1, 2))
    sums[1:, 0], sums[1:, 1] = np.cumsum(~left_out), np.cumsum(hits)
    cuts = 1 - np.arange(1, thresholds + 1) / thresholds
    return np.asarray(sums[np.searchsorted(-scores, -cuts, "right")], np.float64)


def _curve(tallies: NDArray[np.float64], faces: int) -> Curve:
    boxes, hits = tallies.T
    return Curve(hits / faces, np.divide(hits, boxes, out=np.zeros_like(hits), where=boxes > 0))
