"""What every detector can do, and what their families share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image

Index: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.intp]]"


class Detector(Protocol):
    """Finds faces on a canvas."""

    @property
    def has_landmarks(self) -> bool:
        """Whether detections carry the five landmarks, without which nothing can be aligned."""
        ...

    def detect(self, canvas: Image, threshold: float, nms_threshold: float, ticket: Ticket) -> Detection:
        """Find the faces of one canvas.

        Args:
            canvas: RGB uint8, of the size the detector was loaded for.
            threshold: Only faces that score above it count.
            nms_threshold: IoU above which the weaker of two boxes is dropped; 1 keeps both.
            ticket: Whose work it is.

        Returns:
            Faces by descending score, in canvas pixels, not clipped.
        """
        ...


def candidates(scores: FloatArray, threshold: float) -> Index:
    """Places of the scores ``(n,)`` above the threshold.

    Raises:
        EngineError: A score is not finite: compared with anything it would just be no face.
    """
    if not np.isfinite(scores).all():
        raise EngineError("the detector answers with numbers that are not finite; is its file damaged?")
    return np.flatnonzero(scores > threshold)


def foreign(spec: NetworkSpec, outputs: Outputs, family: str) -> IncompatibleGraph:
    """The error to raise where a graph's outputs have shapes that its family's do not have on such a canvas."""
    shapes = ", ".join(str([*output.shape]) for output in outputs)
    return IncompatibleGraph(
        f"{spec.name} answers with shapes {shapes}, which are not {family}'s at {spec.input.width}x{spec.input.height}."
    )


MAX_CANDIDATES = 4096
"""Boxes that go into suppression at the most, the best first: bounds its time where a threshold lets noise through."""


def suppress(candidates: Detection, nms_threshold: float) -> Detection:
    """Greedy non-maximum suppression, with InsightFace's convention that a box from x1 to x2 is x2 - x1 + 1 wide.

    Args:
        candidates: In any order.
        nms_threshold: A box stays if its IoU with every better one that stays is at most this.

    Returns:
        What stays, by descending score; of equal scores the earlier comes first.
    """
    return take(candidates, survivors(candidates.boxes, candidates.scores, nms_threshold))


def survivors(
    boxes: NDArray[np.floating],
    scores: FloatArray,
    overlap: float,
    of: Literal["union", "smaller"] = "union",
) -> Index:
    """Places of the boxes ``(n, 4)`` that ``suppress`` keeps, by descending score ``(n,)``.

    Args:
        boxes: In any order.
        scores: Theirs.
        overlap: A box stays if what it shares with every better one that stays is at most this part of...
        of: the area that both cover (IoU), or the area of the smaller.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    boxes = boxes[order]
    low, high = boxes[:, :2], boxes[:, 2:] + 1
    sides = high - low
    areas = sides[:, 0] * sides[:, 1]
    alive = np.ones(len(order), np.bool_)
    keep = []
    for index in range(len(order)):
        if not alive[index]:
            continue
        keep.append(index)
        rest = slice(index + 1, None)
        inside = np.maximum(np.minimum(high[index], high[rest]) - np.maximum(low[index], low[rest]), 0)
        shared = inside[:, 0] * inside[:, 1]
        whole = areas[index] + areas[rest] - shared if of == "union" else np.minimum(areas[index], areas[rest])
        alive[rest] &= shared <= overlap * whole
    return order[keep]


def take(detection: Detection, index: Index | list[int] | slice) -> Detection:
    """The faces at ``index``, in that order."""
    points = detection.landmarks
    return Detection(detection.boxes[index], detection.scores[index], None if points is None else points[index])


def join(parts: Sequence[Detection]) -> Detection:
    """Detections of one detector put together; in no order."""
    points = [part.landmarks for part in parts if part.landmarks is not None]
    return Detection(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate(points) if points else None,
    )


def rescale(detection: Detection, scale: float | tuple[float, float]) -> Detection:
    """Coordinates divided by a scale, or by one across and one down: those of the canvas to those of the picture."""
    points = detection.landmarks
    divisor = np.asarray(scale, np.float32)
    boxes = (detection.boxes.reshape(-1, 2, 2) / divisor).reshape(-1, 4)
    return Detection(boxes, detection.scores, None if points is None else points / divisor)


def clip(detection: Detection, width: float, height: float) -> Detection:
    """The same faces with boxes cut off at the picture's edges; of one that lies outside an edge remains."""
    corners = np.clip(detection.boxes, 0, np.array([width, height, width, height], np.float32))
    return replace(detection, boxes=corners)


def areas(detection: Detection) -> FloatArray:
    """Area of each box in square pixels; 0 for a box turned inside out."""
    sides: FloatArray = np.maximum(detection.boxes[:, 2:] - detection.boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]
