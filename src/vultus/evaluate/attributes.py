"""Attribute networks against labels: age, gender, mask and liveness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vultus.evaluate.labels import REAL, Labels
from vultus.types import GENDERS, Face

NO_FACE = "no face"
FACTS = ("age", "gender", "mask", "liveness")


@dataclass(frozen=True, slots=True)
class Decade:
    """Ages of one decade of life.

    Attributes:
        start: Its first year.
        faces: How many.
        error: Mean absolute error, years.
        bias: Mean error, years; above 0 where people are taken to be older than they are.
    """

    start: int
    faces: int
    error: float
    bias: float


@dataclass(frozen=True, slots=True, eq=False)
class Ages:
    """How well ages are told.

    Attributes:
        true, told: Years, ``(n,)`` each.
        decades: By true age.
    """

    true: NDArray[np.float64]
    told: NDArray[np.float64]
    decades: list[Decade]

    @property
    def error(self) -> float:
        """Mean absolute error, years."""
        return float(np.abs(self.told - self.true).mean())

    @property
    def bias(self) -> float:
        """Mean error, years."""
        return float((self.told - self.true).mean())


@dataclass(frozen=True, slots=True)
class Confusion:
    """What was told of each class.

    Attributes:
        classes: True classes, sorted.
        told: What was told, sorted; ``no face``, where that happened, is the last.
        counts: ``counts[i][j]``: pictures of ``classes[i]`` of which ``told[j]`` was told.
    """

    classes: tuple[str, ...]
    told: tuple[str, ...]
    counts: list[list[int]]

    @property
    def faces(self) -> int:
        """Pictures in which a face was found."""
        return sum(sum(row) for row in self.counts) - self.faceless

    @property
    def faceless(self) -> int:
        """Pictures in which none was."""
        return sum(row[self.told.index(NO_FACE)] for row in self.counts) if NO_FACE in self.told else 0

    @property
    def accuracy(self) -> float | None:
        """Share of the faces of which the true class was told; ``None`` without faces."""
        right = sum(
            row[self.told.index(name)] for name, row in zip(self.classes, self.counts, strict=True) if name in self.told
        )
        return right / self.faces if self.faces else None


@dataclass(frozen=True, slots=True)
class Attacks:
    """Presentation attack detection as ISO/IEC 30107-3 reports it; of what was seen as a face.

    Attributes:
        accepted: APCER of each kind of attack: share that was taken for real.
        rejected: BPCER: share of the real faces that were taken for an attack; ``None`` without real faces.
    """

    accepted: Mapping[str, float]
    rejected: float | None

    @property
    def worst(self) -> float | None:
        """APCER of the kind of attack that most often succeeds; ``None`` without attacks."""
        return max(self.accepted.values(), default=None)

    @property
    def mean(self) -> float | None:
        """ACER: mean of the worst APCER and BPCER."""
        return None if self.worst is None or self.rejected is None else (self.worst + self.rejected) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What attribute networks made of labelled pictures.

    Attributes:
        pictures: How many.
        faceless: Of them without a face.
        ages: Where ages are known.
        confusion: For each fact that has classes.
        attacks: Where it is known who is real.
    """

    pictures: int
    faceless: int
    ages: Ages | None
    confusion: Mapping[str, Confusion]
    attacks: Attacks | None


def facts_of(labels: Sequence[Labels]) -> list[str]:
    """Facts that the labels know of some picture."""
    return [fact for fact in FACTS if any(getattr(item, fact) is not None for item in labels)]


def judge(labels: Sequence[Labels], faces: Sequence[Face | None]) -> Described:
    """Compare labels with what was told.

    Args:
        labels: What is known.
        faces: The face of each picture with its attributes, ``None`` where none was found.
    """
    both = list(zip(labels, faces, strict=True))
    confusion = {}
    for fact in facts_of(labels):
        if fact != "age":
            known = [(str(getattr(item, fact)), face) for item, face in both if getattr(item, fact) is not None]
            confusion[fact] = confuse([true for true, _ in known], [tell(fact, face) for _, face in known])
    aged = [
        (item.age, float(face.attributes["age"]))  # type: ignore[arg-type]  # a number, as ``Face`` says
        for item, face in both
        if item.age is not None and face is not None
    ]
    return Described(
        pictures=len(labels),
        faceless=sum(face is None for face in faces),
        ages=compare_ages(*zip(*aged, strict=True)) if aged else None,
        confusion=confusion,
        attacks=attacks_of(confusion["liveness"]) if "liveness" in confusion else None,
    )


def tell(fact: str, face: Face | None) -> str:
    """The class that was told: of classes with probabilities, the likeliest."""
    if face is None:
        return NO_FACE
    value = face.attributes[fact]
    if isinstance(value, Mapping):
        return str(max(value, key=lambda name: value[name]))
    return GENDERS[int(value)] if fact == "gender" else str(value)  # type: ignore[call-overload]  # 0 or 1


def confuse(true: Sequence[str], told: Sequence[str]) -> Confusion:
    """Count what was told of each class; classes that were told but never are true have no row."""
    classes = tuple(sorted(set(true)))
    answers = tuple(sorted({*told} - {NO_FACE})) + ((NO_FACE,) if NO_FACE in told else ())
    counts = [[0] * len(answers) for _ in classes]
    for name, answer in zip(true, told, strict=True):
        counts[classes.index(name)][answers.index(answer)] += 1
    return Confusion(classes, answers, counts)


def compare_ages(true: Sequence[float], told: Sequence[float]) -> Ages:
    """Errors over all and by decade of the true age."""
    known, guessed = np.array(true, np.float64), np.array(told, np.float64)
    errors, starts = guessed - known, (known // 10 * 10).astype(int)
    decades = [
        Decade(
            int(start),
            int((starts == start).sum()),
            float(np.abs(errors[starts == start]).mean()),
            float(errors[starts == start].mean()),
        )
        for start in np.unique(starts)
    ]
    return Ages(known, guessed, decades)


def attacks_of(confusion: Confusion) -> Attacks:
    """Error rates of liveness; kinds of attack none of which was seen as a face are left out."""
    taken_for_real: dict[str, float] = {}
    for name, row in zip(confusion.classes, confusion.counts, strict=True):
        answers = dict(zip(confusion.told, row, strict=True))
        seen = sum(row) - answers.get(NO_FACE, 0)
        if seen:
            taken_for_real[name] = answers.get(REAL, 0) / seen
    real = taken_for_real.pop(REAL, None)
    return Attacks(taken_for_real, None if real is None else 1 - real)
