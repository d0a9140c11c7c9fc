"""A detector against marked noses or boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vultus.evaluate import noses
from vultus.evaluate.boxes import found_boxes
from vultus.evaluate.curves import Curve, precision_recall
from vultus.types import Face, FloatArray


@dataclass(frozen=True, slots=True)
class PictureErrors:
    """What went wrong in one picture.

    Attributes:
        path: Its name.
        boxes: Boxes found.
        hits: How boxes and noses agree.
        errors: CompreFace's measure.
    """

    path: str
    boxes: int
    hits: noses.Hits
    errors: noses.Errors


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector found in marked photographs.

    Attributes:
        pictures: Picture by picture, in order.
        curve: Precision and recall over the score, down to the threshold that was set: by boxes (IoU 0.5) where all
            pictures have some marked, otherwise by noses inside of boxes.
        by_boxes: Whether it is by boxes.
        marked: Faces marked.
        boxes: Boxes found.
        right: Boxes that find a face which none before them found.
    """

    pictures: list[PictureErrors]
    curve: Curve
    by_boxes: bool
    marked: int
    boxes: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the boxes that find a face; 0 without boxes."""
        return self.right / self.boxes if self.boxes else 0.0

    @property
    def recall(self) -> float:
        """Share of the faces that are found; 0 without faces."""
        return self.right / self.marked if self.marked else 0.0

    @property
    def missed_noses(self) -> int:
        """See ``noses.Errors``."""
        return sum(picture.errors.missed_noses for picture in self.pictures)

    @property
    def missed_boxes(self) -> int:
        """See ``noses.Errors``."""
        return sum(picture.errors.missed_boxes for picture in self.pictures)

    @property
    def errors(self) -> int:
        """CompreFace's sum of both."""
        return self.missed_noses + self.missed_boxes


def judge(photographs: Sequence[noses.Photograph], found: Sequence[Sequence[Face]]) -> Detections:
    """Compare what is marked with what was found.

    Args:
        photographs: What is marked.
        found: The faces of each, by descending score.
    """
    by_boxes = all(photograph.boxes is not None for photograph in photographs)
    pictures, scores, hits = [], [], []
    for photograph, faces in zip(photographs, found, strict=True):
        boxes = stack_boxes(faces)
        pictures.append(
            PictureErrors(
                str(photograph.path),
                len(boxes),
                noses.count(boxes, photograph.noses),
                noses.errors(boxes, photograph.noses),
            )
        )
        scores.append(stack_scores(faces))
        marked = photograph.boxes if by_boxes else None
        hits.append(noses.found_noses(boxes, photograph.noses) if marked is None else found_boxes(boxes, marked))
    total = sum(len(photograph.noses) for photograph in photographs)
    return Detections(
        pictures,
        precision_recall(scores, hits, total),
        by_boxes,
        marked=total,
        boxes=sum(len(part) for part in hits),
        right=sum(int(part.sum()) for part in hits),
    )


def stack_boxes(faces: Sequence[Face]) -> FloatArray:
    """Boxes of faces, float32 ``(n, 4)``."""
    return np.array([face.box for face in faces], np.float32).reshape(-1, 4)


def stack_scores(faces: Sequence[Face]) -> FloatArray:
    """Scores of faces, float32 ``(n,)``."""
    return np.array([face.score for face in faces], np.float32)
