"""Networks against themselves: what another runtime or precision changes in their answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vultus.errors import NoFaceFound
from vultus.evaluate.boxes import cosines, iou, pair
from vultus.evaluate.detection import stack_boxes
from vultus.types import Analysis, Face, FloatArray

MOST_FACES = 2000
"""So many of the first faces are compared with each other; their similarities number two millions."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far two runs may be apart; ``None``: as far as they like.

    Attributes:
        cosine: Least cosine similarity of a face's two embeddings.
        iou: Least IoU of a face's two boxes.
        landmarks_px: Largest difference of a landmark's coordinate, pixels.
        similarity_change: Largest change of the cosine similarity of two faces.
        other_faces: Faces that one run alone may find.
        mean_cosine: Least mean of the cosine similarities of each face's two embeddings.
        landmarks_share: Largest difference of a landmark's coordinate, in sides of the face's box.
    """

    cosine: float | None = 0.99
    iou: float | None = 0.9
    landmarks_px: float | None = None
    similarity_change: float | None = 0.02
    other_faces: int | None = 0
    mean_cosine: float | None = None
    landmarks_share: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One figure and its limit.

    Attributes:
        figure: Its name.
        value: What was measured.
        sense: Whether the limit is the least (``>=``) or the largest value (``<=``).
        limit: How far it may be.
        phrase: What is to be said where it is exceeded.
    """

    figure: str
    value: float
    sense: Literal[">=", "<="]
    limit: float
    phrase: str

    @property
    def within(self) -> bool:
        """Whether the limit is kept; NaN keeps none."""
        return self.value >= self.limit if self.sense == ">=" else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class PictureDrift:
    """One picture.

    Attributes:
        path: Its name.
        faces, other_faces: How many each run found.
        paired: How many both found.
    """

    path: str
    faces: int
    other_faces: int
    paired: int


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """How far two runs are apart.

    Attributes:
        pictures: Picture by picture.
        paired: Faces that both found.
        other_faces: Faces that one alone found.
        cosines: Cosine similarity of each face's two embeddings, float64 ``(paired,)``.
        overlaps: IoU of each face's two boxes ``(paired,)``; ``None`` where nothing was detected.
        landmarks_px: Largest difference of a coordinate, pixels; ``None`` without landmarks.
        score_change: Largest change of a detector score; ``None`` where nothing was detected.
        similarity_change: Largest change of the cosine similarity of two faces; 0 with one face.
        landmarks_share: Largest difference of a coordinate, in sides of the face's box (the square root of its area).
    """

    pictures: list[PictureDrift]
    paired: int
    other_faces: int
    cosines: NDArray[np.float64]
    overlaps: NDArray[np.float64] | None
    landmarks_px: float | None
    score_change: float | None
    similarity_change: float
    landmarks_share: float | None = None

    @property
    def cosine(self) -> float:
        """Least cosine similarity of a face's two embeddings."""
        return float(self.cosines.min())

    @property
    def mean_cosine(self) -> float:
        """Mean cosine similarity of a face's two embeddings."""
        return float(self.cosines.mean())

    @property
    def iou(self) -> float | None:
        """Least IoU of a face's two boxes."""
        return None if self.overlaps is None else float(self.overlaps.min())

    def broken(self, limits: Limits) -> list[str]:
        """What exceeds the limits, one phrase each; none: the verdict is *pass*."""
        return [judged.phrase for judged in self.judge(limits) if not judged.within]

    def judge(self, limits: Limits) -> Iterator[Judgement]:
        """Every figure that was measured and has a limit."""
        if (most := limits.other_faces) is not None:
            phrase = f"{self.other_faces} faces were found by one alone, above {most}"
            yield Judgement("faces one alone found", self.other_faces, "<=", most, phrase)
        if (least := limits.cosine) is not None:
            phrase = f"least cosine {self.cosine:.8f}, below {least:.10g}"
            yield Judgement("cosine, least", self.cosine, ">=", least, phrase)
        if (least := limits.mean_cosine) is not None:
            phrase = f"mean cosine {self.mean_cosine:.8f}, below {least:.10g}"
            yield Judgement("cosine, mean", self.mean_cosine, ">=", least, phrase)
        if (largest := limits.similarity_change) is not None:
            phrase = f"a similarity changed by {self.similarity_change:.6f}, above {largest:.10g}"
            yield Judgement("similarity of two faces, largest change", self.similarity_change, "<=", largest, phrase)
        if (least := limits.iou) is not None and self.iou is not None:
            yield Judgement("box IoU, least", self.iou, ">=", least, f"least IoU {self.iou:.4f}, below {least:.10g}")
        if (largest := limits.landmarks_px) is not None and self.landmarks_px is not None:
            phrase = f"a landmark moved by {self.landmarks_px:.3f} pixels, above {largest:.10g}"
            yield Judgement("landmarks, largest difference (px)", self.landmarks_px, "<=", largest, phrase)
        if (largest := limits.landmarks_share) is not None and self.landmarks_share is not None:
            phrase = f"a landmark moved by {self.landmarks_share:.4f} of its face's side, above {largest:.10g}"
            yield Judgement("landmarks, largest difference (sides)", self.landmarks_share, "<=", largest, phrase)


def compare(
    names: Sequence[str], analyses: Sequence[Analysis], others: Sequence[Analysis], *, detected: bool = True
) -> Drift:
    """Compare two runs over the same pictures, with embeddings.

    Args:
        names: Of the pictures.
        analyses: Of the one run.
        others: Of the other.
        detected: Whether faces were detected; otherwise each picture is the crop of one.

    Raises:
        NoFaceFound: The runs have no face in common, so that there is nothing to compare.
    """
    pictures: list[PictureDrift] = []
    pairs: list[tuple[Face, Face]] = []
    for name, one, other in zip(names, analyses, others, strict=True):
        rows = pair(stack_boxes(one.faces), stack_boxes(other.faces))
        pictures.append(PictureDrift(name, len(one.faces), len(other.faces), len(rows)))
        pairs += [(one.faces[mine], other.faces[theirs]) for mine, theirs in rows.tolist()]
    if not pairs:
        raise NoFaceFound("both runs together found no face in these pictures; there is nothing to compare.")
    first, second = (np.stack([np.asarray(pair[side].embedding) for pair in pairs]) for side in (0, 1))
    overlaps = [float(iou(stack_boxes([mine]), stack_boxes([theirs]))[0, 0]) for mine, theirs in pairs]
    moved = list(_moved(pairs))
    return Drift(
        pictures,
        paired=len(pairs),
        other_faces=sum(item.faces + item.other_faces - 2 * item.paired for item in pictures),
        cosines=cosines(first, second),
        overlaps=np.array(overlaps) if detected else None,
        landmarks_px=max((pixels for pixels, _ in moved), default=None),
        score_change=max(abs(mine.score - theirs.score) for mine, theirs in pairs) if detected else None,
        similarity_change=_similarity_change(first[:MOST_FACES], second[:MOST_FACES]),
        landmarks_share=max((pixels / side for pixels, side in moved), default=None),
    )


def _moved(pairs: Sequence[tuple[Face, Face]]) -> Iterator[tuple[float, float]]:
    """Of each face how far a landmark's coordinate moved at most, and the side of a square as large as its box.

    That side is at least a pixel, for boxes that are none.
    """
    for mine, theirs in pairs:
        if mine.landmarks is not None and theirs.landmarks is not None:
            width, height = mine.box[2:] - mine.box[:2]
            yield float(np.abs(mine.landmarks - theirs.landmarks).max()), float(np.sqrt(max(width * height, 1)))


def _similarity_change(first: FloatArray, second: FloatArray) -> float:
    one, other = first.astype(np.float64), second.astype(np.float64)
    rows, columns = np.triu_indices(len(one), 1)
    return float(np.abs((one @ one.T - other @ other.T)[rows, columns]).max(initial=0.0))
