"""What the references of several families share: faces as plain numbers, suppressed straight from the definition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vultus.detect.detector import rescale
from vultus.evaluate import noses
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Canvas, Detection, FloatArray, Image, InputSpec


@dataclass
class Face:
    score: float
    box: list[float]
    points: list[list[float]]


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: Sequence[FloatArray], size: InputSpec) -> None:
        self.spec = NetworkSpec("probe", size, tuple(f"o{i}" for i in range(len(outputs))))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return tuple(self._outputs)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def overlap(one: list[float], other: list[float]) -> float:
    """IoU of boxes that include the pixels of both their corners."""
    across = max(0.0, min(one[2], other[2]) - max(one[0], other[0]) + 1)
    down = max(0.0, min(one[3], other[3]) - max(one[1], other[1]) + 1)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return across * down / (sum(areas) - across * down)


def suppressed(faces: Iterable[Face], limit: float) -> list[Face]:
    """By descending score, without those that overlap a better one that stays by more than ``limit``."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face.box, better.box) <= limit for better in kept):
            kept.append(face)
    return kept


def check(found: Detection, expected: Sequence[Face]) -> None:
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.landmarks is not None
    assert found.landmarks.dtype == np.float32
    assert len(found) == len(expected)
    if expected:
        np.testing.assert_allclose(found.scores, [face.score for face in expected], rtol=1e-5)
        np.testing.assert_allclose(found.boxes, [face.box for face in expected], rtol=1e-5, atol=2e-3)
        np.testing.assert_allclose(found.landmarks, [face.points for face in expected], rtol=1e-5, atol=2e-3)


def tally(looks: Iterator[tuple[noses.Photograph, Canvas, Outputs, Detection]]) -> tuple[int, int, int, int]:
    """Noses marked, noses found, boxes without a nose and faces found twice, over all photographs."""
    total = np.zeros(4, int)
    for photograph, canvas, _, found in looks:
        hits = noses.count(rescale(found, canvas.scale).boxes, photograph.noses)
        total += (hits.noses, hits.found, hits.false, hits.doubled)
    marked, right, false, doubled = total.tolist()
    return marked, right, false, doubled


def miss(found: Detection, canvas: Canvas, photograph: noses.Photograph) -> list[float]:
    """How far the nose of each face's landmarks is from the nearest nose marked, in widths of the face."""
    faces = rescale(found, canvas.scale)
    assert faces.landmarks is not None
    return [
        float(np.linalg.norm(photograph.noses - points[2], axis=1).min() / (box[2] - box[0]))
        for box, points in zip(faces.boxes, faces.landmarks, strict=True)
        if len(photograph.noses)
    ]


def same(one: Detection, other: Detection, atol: float) -> None:
    """Whether two runtimes found the same; of scores that differ by rounding alone the order may."""
    assert len(one) == len(other)
    first, second = (np.lexsort(detection.boxes.T.round()) for detection in (one, other))
    assert one.landmarks is not None
    assert other.landmarks is not None
    np.testing.assert_allclose(one.boxes[first], other.boxes[second], atol=atol)
    np.testing.assert_allclose(one.landmarks[first], other.landmarks[second], atol=atol)
    np.testing.assert_allclose(one.scores[first], other.scores[second], atol=1e-4)
