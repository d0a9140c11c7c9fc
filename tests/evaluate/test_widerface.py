"""WIDER FACE's rule, against a second program for it that has nothing in common with the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from vultus.evaluate.curves import Curve
from vultus.evaluate.widerface import Found, MarkedPicture, curves, normalize, tally
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


class Truth(NamedTuple):
    """A face: x, y, width, height, and whether it counts."""

    x: float
    y: float
    width: float
    height: float
    counts: bool


class Box(NamedTuple):
    """What was found: x, y, width, height, score."""

    x: float
    y: float
    width: float
    height: float
    score: float


def shared(a: Box | Truth, b: Box | Truth) -> float:
    """Overlap as the benchmark has it: both corners are pixels of the box."""
    right, bottom = min(a.x + a.width, b.x + b.width), min(a.y + a.height, b.y + b.height)
    across, down = right - max(a.x, b.x) + 1, bottom - max(a.y, b.y) + 1
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / ((a.width + 1) * (a.height + 1) + (b.width + 1) * (b.height + 1) - across * down)


def reference(pictures: Sequence[tuple[list[Truth], list[Box]]], steps: int = 1000) -> float:
    """Average precision, from the rule as the benchmark's tools state it, threshold by threshold from scratch.

    For each threshold the boxes above it are walked through anew, with scores normalised over all pictures; a picture
    without faces or without boxes takes no part but for its faces.
    """
    every = [box.score for _, boxes in pictures for box in boxes]
    low, high = min(every), max(every)
    total = sum(face.counts for faces, _ in pictures for face in faces)
    points = []
    for step in range(steps):
        threshold = 1 - (step + 1) / steps
        proposals = found = 0
        for faces, boxes in pictures:
            if not faces:
                continue
            taken: set[int] = set()
            for box in sorted(boxes, key=lambda box: -box.score):
                if (box.score - low) / (high - low) < threshold:
                    break
                overlaps = [shared(box, face) for face in faces]
                nearest = overlaps.index(max(overlaps))
                if overlaps[nearest] >= 0.5 and not faces[nearest].counts:
                    continue
                proposals += 1
                if overlaps[nearest] >= 0.5 and nearest not in taken:
                    taken.add(nearest)
                    found += 1
        points.append((found / total, found / proposals if proposals else 0.0))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(points):
        area += (recall - before) * max(precision for _, precision in points[place:])
        before = recall
    return area


def ours(pictures: Sequence[tuple[list[Truth], list[Box]]]) -> Curve:
    marked, found = [], []
    for number, (faces, boxes) in enumerate(pictures):
        corners = np.array([(f.x, f.y, f.x + f.width, f.y + f.height) for f in faces], np.float64).reshape(-1, 4)
        counted = {"level": np.array([face.counts for face in faces], np.bool_)}
        marked.append(MarkedPicture(f"{number}.jpg", corners.astype(np.float32), counted))
        ordered = sorted(boxes, key=lambda box: -box.score)
        at = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in ordered], np.float64).reshape(-1, 4)
        found.append(Found(at.astype(np.float32), np.array([box.score for box in ordered], np.float32)))
    return curves(marked, found)["level"]


def made_up(seed: int) -> list[tuple[list[Truth], list[Box]]]:
    """Pictures with faces that overlap, are missed, found twice, do not count, and boxes on nothing."""
    random = np.random.default_rng(seed)

    def place(low: int, high: int) -> tuple[float, float, float, float]:
        x, y, width, height = (int(value) for value in (*random.integers(0, 140, 2), *random.integers(low, high, 2)))
        return x, y, width, height

    def score() -> float:
        return int(random.integers(1, 4096)) / 4096  # exact in single precision

    pictures = []
    for _ in range(12):
        faces = [Truth(*place(8, 50), counts=bool(random.random() < 0.7)) for _ in range(random.integers(0, 7))]
        boxes = [Box(*place(8, 60), score=score()) for _ in range(random.integers(0, 4))]
        for face in faces:
            for _ in range(random.integers(0, 3)):
                dx, dy, wider, higher = (round(float(value)) / 4 for value in random.normal(0, 16, 4))
                width, height = max(face.width + wider, 2), max(face.height + higher, 2)
                boxes.append(Box(face.x + dx, face.y + dy, width, height, score()))
        pictures.append((faces, boxes))
    return pictures


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_is_that_of_the_reference(seed: int) -> None:
    pictures = made_up(seed)
    assert ours(pictures).average_precision == pytest.approx(reference(pictures), abs=1e-9)


FACE = Truth(10, 10, 20, 20, counts=True)
TINY = Truth(100, 100, 5, 5, counts=False)


@pytest.mark.parametrize(
    ("faces", "boxes", "expected"),
    [
        pytest.param([FACE], [Box(10, 10, 20, 20, 0.9)], 1.0, id="found"),
        pytest.param([FACE], [Box(50, 50, 20, 20, 0.9)], 0.0, id="missed"),
        pytest.param([FACE], [Box(50, 50, 20, 20, 0.9), Box(10, 10, 20, 20, 0.5)], 0.5, id="after a wrong one"),
        pytest.param([FACE, TINY], [Box(100, 100, 5, 5, 0.9), Box(10, 10, 20, 20, 0.5)], 1.0, id="ignored counts not"),
        pytest.param([FACE, TINY], [Box(10, 10, 20, 20, 0.5)], 1.0, id="ignored need not be found"),
        pytest.param(
            [FACE, FACE._replace(x=60)],
            [Box(10, 10, 20, 20, 0.9), Box(10, 10, 20, 21, 0.8), Box(60, 10, 20, 20, 0.5)],
            0.5 + 0.5 * 2 / 3,
            id="twice is wrong",
        ),
    ],
)
def test_what_counts(faces: list[Truth], boxes: list[Box], expected: float) -> None:
    assert ours([(faces, boxes)]).average_precision == pytest.approx(expected)


def test_boxes_of_a_picture_without_faces_take_no_part() -> None:
    pictures = [([FACE], [Box(10, 10, 20, 20, 0.5)]), ([], [Box(0, 0, 5, 5, 0.9)])]
    assert ours(pictures).average_precision == 1


def test_faces_of_a_picture_without_boxes_are_missed() -> None:
    pictures = [([FACE], [Box(10, 10, 20, 20, 0.5)]), ([FACE], [])]
    assert ours(pictures).average_precision == 0.5


def test_a_level_without_faces_has_no_curve() -> None:
    picture = MarkedPicture("a.jpg", np.zeros((0, 4), np.float32), {"hard": np.zeros(0, np.bool_)})
    assert curves([picture], [Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))]) == {}
    assert curves([], []) == {}


def test_levels_are_judged_apart() -> None:
    boxes: FloatArray = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    counted = {"easy": np.array([True, False]), "hard": np.array([True, True])}
    found = Found(boxes[:1], np.array([0.9], np.float32))
    result = curves([MarkedPicture("a.jpg", boxes, counted)], [found])
    assert {level: curve.average_precision for level, curve in result.items()} == {"easy": 1, "hard": 0.5}


def test_scores_are_stretched_over_all_pictures() -> None:
    first, second, third = normalize(
        [np.array([0.75, 0.5], np.float32), np.array([0.25], np.float32), np.zeros(0, np.float32)]
    )
    assert (first.tolist(), second.tolist(), third.tolist()) == ([1, 0.5], [0], [])
    assert normalize([np.array([0.3, 0.3], np.float32)])[0].tolist() == [1, 1]


def test_tally_counts_what_is_at_or_above_each_threshold() -> None:
    overlaps, scores = np.array([[0.6], [0.7], [0.1]]), np.array([1.0, 0.5, 0.0])
    # Thresholds 0.75, 0.5, 0.25, 0: the first box finds, the second is a second one, the third is wrong.
    assert tally(overlaps, scores, np.array([True]), 4).tolist() == [[1, 1], [2, 1], [2, 1], [3, 1]]
    assert tally(overlaps, scores, np.array([False]), 4).tolist() == [[0, 0], [0, 0], [0, 0], [1, 0]]
