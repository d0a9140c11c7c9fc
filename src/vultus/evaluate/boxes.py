"""How boxes of two sets go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vultus.types import FloatArray

SAME_FACE = 0.5
"""IoU from which two boxes are taken to be of one face."""


def iou(boxes: FloatArray, others: FloatArray, pixel: float = 0.0) -> NDArray[np.float64]:
    """Intersection over union of every box with every other, ``(n, m)``; 0 where both are empty.

    Args:
        boxes: ``(n, 4)``, x1, y1, x2, y2.
        others: ``(m, 4)``.
        pixel: Width of what lies between equal coordinates: 1 where both corners are pixels of the box, as WIDER FACE
            has it; 0 where coordinates are continuous.
    """
    first, second = np.asarray(boxes, np.float64)[:, None], np.asarray(others, np.float64)[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2]) + pixel
    shared = np.maximum(sides, 0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2] + pixel).prod(-1) for box in (first, second)]
    union = areas[0] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float64)


def pair(boxes: FloatArray, others: FloatArray) -> NDArray[np.intp]:
    """Rows of two sets of boxes that are of one face, ``(n, 2)``; each row is used at most once, the closest first."""
    overlaps = iou(boxes, others)
    pairs = []
    while overlaps.size and overlaps.max() >= SAME_FACE:
        mine, theirs = np.unravel_index(overlaps.argmax(), overlaps.shape)
        pairs.append((mine, theirs))
        overlaps[mine], overlaps[:, theirs] = -1, -1
    return np.array(pairs, np.intp).reshape(-1, 2)


def found_boxes(boxes: FloatArray, marked: FloatArray) -> NDArray[np.bool_]:
    """Which of the boxes ``(n, 4)``, in order of descending score, find a marked face that none before them found.

    A box is judged by the marked one it overlaps most (IoU), as in PASCAL VOC: a second box on a face is wrong.
    """
    hits = np.zeros(len(boxes), np.bool_)
    if not len(marked):
        return hits
    overlaps = iou(boxes, marked)
    taken = np.zeros(len(marked), np.bool_)
    for row, (best, most) in enumerate(zip(overlaps.argmax(1), overlaps.max(1), strict=True)):
        hits[row] = most >= SAME_FACE and not taken[best]
        taken[best] |= hits[row]
    return hits


def cosines(first: FloatArray, second: FloatArray) -> NDArray[np.float64]:
    """Cosine similarity row by row, in double precision."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    return np.asarray((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)), np.float64)
