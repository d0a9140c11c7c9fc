"""Precision and recall over the detector's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vultus.types import FloatArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall at thresholds that fall from point to point.

    Attributes:
        recall: Share of the marked faces that are found, ``(n,)``, never falling.
        precision: Share of what was found that is a marked face, ``(n,)``; 0 where nothing was found.
    """

    recall: Values
    precision: Values

    @property
    def average_precision(self) -> float:
        """Area under the curve, precision made to fall with recall (PASCAL VOC from 2010 on, and WIDER FACE)."""
        recall = np.concatenate([[0.0], self.recall, [1.0]])
        precision = np.concatenate([[0.0], self.precision, [0.0]])
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float((np.diff(recall) * envelope[1:]).sum())


def precision_recall(scores: Sequence[FloatArray], hits: Sequence[NDArray[np.bool_]], marked: int) -> Curve:
    """The curve of boxes of many pictures, with a point for each distinct score.

    Args:
        scores: For each picture, the scores of its boxes.
        hits: For each picture, whether each box finds a marked face.
        marked: How many faces are marked in all.
    """
    score = np.concatenate([*scores, np.zeros(0, np.float32)])
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(np.concatenate([*hits, np.zeros(0, np.bool_)])[order], dtype=np.float64)
    # Boxes of one score pass the threshold together: only the last of them makes a point.
    last = np.append(np.diff(score[order]) != 0, True)[: len(order)]
    return Curve((right / max(marked, 1))[last], (right / np.arange(1, len(order) + 1))[last])
