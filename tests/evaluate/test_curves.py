"""Precision, recall and the area below, worked out by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from vultus.evaluate.curves import Curve, precision_recall
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def f32(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def flags(*values: int) -> np.ndarray:
    return np.array(values, np.bool_)


def test_points_over_two_pictures() -> None:
    curve = precision_recall([f32(0.9, 0.3), f32(0.8)], [flags(1, 1), flags(0)], 4)
    assert curve.recall.tolist() == [0.25, 0.25, 0.5]
    assert curve.precision.tolist() == pytest.approx([1, 0.5, 2 / 3])
    # Up to recall 0.25 at precision 1, up to 0.5 at 2/3, nothing beyond.
    assert curve.average_precision == pytest.approx(0.25 + 0.25 * 2 / 3)


def test_boxes_of_one_score_come_together() -> None:
    curve = precision_recall([f32(0.5, 0.5)], [flags(0, 1)], 1)
    assert (curve.recall.tolist(), curve.precision.tolist()) == ([1], [0.5])


def test_precision_counts_as_the_best_at_higher_recall() -> None:
    # 1 wrong, then 3 right: precision 0, 1/2, 2/3, 3/4; the envelope is 3/4 throughout.
    curve = precision_recall([f32(0.9, 0.8, 0.7, 0.6)], [flags(0, 1, 1, 1)], 3)
    assert curve.average_precision == pytest.approx(0.75)


def test_nothing_found_and_nothing_marked() -> None:
    assert precision_recall([], [], 3).average_precision == 0
    assert precision_recall([f32(0.5)], [flags(0)], 0).average_precision == 0


def test_all_found_is_one() -> None:
    assert Curve(np.array([0.5, 1.0]), np.array([1.0, 1.0])).average_precision == 1


@pytest.mark.parametrize("seed", range(5))
def test_area_is_that_of_many_thin_strips(seed: int) -> None:
    """The definition: over all recalls r, the best precision at a recall of at least r."""
    random = np.random.default_rng(seed)
    scores, hits = random.random(30).astype(np.float32), random.random(30) < 0.6
    curve = precision_recall([scores], [hits], 25)
    recalls = (np.arange(20_000) + 0.5) / 20_000
    best = [
        max((p for r, p in zip(curve.recall, curve.precision, strict=True) if r >= at), default=0.0) for at in recalls
    ]
    assert curve.average_precision == pytest.approx(float(np.mean(best)), abs=1e-3)
