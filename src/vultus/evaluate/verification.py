"""Verification: whether two faces are one person's. Labeled Faces in the Wild, its pairs and its protocol.

Protocol: G. B. Huang et al., "Labeled Faces in the Wild", 2007: each fold's threshold is chosen on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vultus.errors import GroundTruthError
from vultus.evaluate.files import read_text
from vultus.types import FloatArray

Z_95 = 1.6449
"""Quantile of the normal distribution for a one-sided bound that holds 95 times in 100."""

FALSE_MATCH_RATES = (1e-2, 1e-3, 1e-4)
"""At which the share of true matches is told."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of pictures, in the order of the file.

    Attributes:
        first, second: File names below the folder.
        same: Whether both show the same person.
        fold: Number of the fold, from 0.
    """

    first: list[str]
    second: list[str]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def first_folds(self, count: int) -> Self:
        """The pairs of the first ``count`` folds."""
        keep = int((self.fold < count).sum())
        return replace(
            self, first=self.first[:keep], second=self.second[:keep], same=self.same[:keep], fold=self.fold[:keep]
        )


@dataclass(frozen=True, slots=True)
class Operating:
    """A decision threshold and what it does.

    Attributes:
        cosine: Two faces match from this cosine similarity on.
        false_match_rate: Share of different people called the same.
        upper_bound: False-match rate that is not exceeded with 95 % confidence, were the pairs independent.
        true_match_rate: Share of equal people called the same.
    """

    cosine: float
    false_match_rate: float
    upper_bound: float
    true_match_rate: float


def read_pairs(path: Path) -> Pairs:
    """Read ``pairs.txt``: a heading with folds and pairs of each kind in a fold, then as many pairs as it says.

    Raises:
        GroundTruthError: The file cannot be read, or does not hold what it announces.
    """
    heading, *lines = read_text(path).splitlines() or [""]
    fields = [line.split() for line in lines if line.strip()]
    try:
        folds, each = (int(field) for field in heading.split())
        # Three fields: two pictures of one person. Four: one picture each of two.
        ends = [(f[0], f[1], f[0], f[2]) if len(f) == 3 else (f[0], f[1], f[2], f[3]) for f in fields]
        first = [picture(name, number) for name, number, _, _ in ends]
        second = [picture(name, number) for _, _, name, number in ends]
    except (ValueError, IndexError) as error:
        raise GroundTruthError(f"{path} is no list of pairs as LFW's pairs.txt is: {error}") from error
    if not fields or len(fields) != 2 * folds * each:
        raise GroundTruthError(f"{path} announces {2 * folds * each} pairs and holds {len(fields)}")
    same = np.array([len(f) == 3 for f in fields], np.bool_)
    return Pairs(first, second, same, fold=np.arange(len(fields)) // (2 * each))


def picture(name: str, number: str) -> str:
    """File name of a person's picture."""
    return f"{name}/{name}_{int(number):04d}.jpg"


def fold_accuracies(similarities: FloatArray, pairs: Pairs) -> list[float]:
    """Share of each fold's pairs that is told right with the threshold that is best on the other folds.

    Raises:
        GroundTruthError: There is one fold only, and so no other to choose a threshold on.
    """
    if pairs.fold.min() == pairs.fold.max():
        raise GroundTruthError("the pairs are of one fold; each fold's threshold is chosen on others: give two or more")
    accuracies = []
    for fold in np.unique(pairs.fold):
        held_out = pairs.fold == fold
        threshold = best_threshold(similarities[~held_out], pairs.same[~held_out])
        right = (similarities[held_out] >= threshold) == pairs.same[held_out]
        accuracies.append(float(right.mean()))
    return accuracies


def best_threshold(similarities: FloatArray, same: NDArray[np.bool_]) -> float:
    """The threshold that tells most pairs right: half-way between two similarities; of equals, the middle one."""
    order = np.argsort(similarities)
    values = similarities[order].astype(np.float64)
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    genuine_below = np.concatenate([[0], np.cumsum(same[order])])
    impostors_below = np.arange(len(cuts)) - genuine_below
    right = impostors_below + (genuine_below[-1] - genuine_below)
    # A cut between two equal similarities does not exist.
    right[1:-1][values[1:] == values[:-1]] = -1
    best = np.flatnonzero(right == right.max())
    return float(cuts[best[len(best) // 2]])


def operating_point(genuine: FloatArray, impostors: FloatArray, rate: float) -> Operating:
    """The lowest threshold, to four places, at which at most ``rate`` of the impostor pairs match."""
    descending = np.sort(impostors)[::-1]
    allowed = int(rate * len(descending))
    floor = float(descending[allowed]) if allowed < len(descending) else -1.0
    cosine = (np.floor(floor * 1e4) + 1) / 1e4
    matched = int((impostors >= cosine).sum())
    return Operating(
        cosine=float(cosine),
        false_match_rate=matched / len(impostors),
        upper_bound=wilson_upper_bound(matched, len(impostors)),
        true_match_rate=float((genuine >= cosine).mean()),
    )


def area_under_curve(genuine: FloatArray, impostors: FloatArray) -> float:
    """Area under the ROC curve: how often a pair of one person is more alike than one of two, ties counting half.

    By ranks (H. B. Mann and D. R. Whitney, 1947), hence exact.
    """
    ordered = np.sort(impostors)
    below = np.searchsorted(ordered, genuine, "left") + np.searchsorted(ordered, genuine, "right")
    return float(below.mean() / 2 / len(ordered))


def roc(genuine: FloatArray, impostors: FloatArray, points: int = 400) -> NDArray[np.float64]:
    """Points of the ROC curve ``(n, 2)``: false-match rate, ascending, and share of true matches.

    Each lies at the similarity of an impostor pair; the ranks of these pairs are spread evenly over a logarithmic axis.
    """
    descending = np.sort(impostors)[::-1]
    ranks = np.unique(np.geomspace(1, len(descending), points).astype(np.int64)) - 1
    cosines = np.unique(descending[ranks])[::-1]
    false = np.searchsorted(-descending, -cosines, "right") / len(descending)
    true = 1 - np.searchsorted(np.sort(genuine), cosines, "left") / len(genuine)
    return np.stack([false, true], 1)


def wilson_upper_bound(events: int, trials: int, z: float = Z_95) -> float:
    """Upper end of the score interval for a share (E. B. Wilson, 1927)."""
    share = events / trials
    middle = share + z * z / (2 * trials)
    width = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return float((middle + width) / (1 + z * z / trials))


def cross_identity(embeddings: FloatArray, people: list[str]) -> tuple[FloatArray, FloatArray]:
    """Similarities of every two pictures of one person, and of every two pictures of different people.

    Args:
        embeddings: float32 ``(n, d)`` of unit length, n >= 2.
        people: Name of each row's person.
    """
    _, person = np.unique(people, return_inverse=True)
    similarities = embeddings @ embeddings.T
    rows = [(similarities[i, i + 1 :], person[i + 1 :] == person[i]) for i in range(len(embeddings))]
    genuine = np.concatenate([row[same] for row, same in rows])
    return genuine, np.concatenate([row[~same] for row, same in rows])


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cosine similarities of faces.

    Attributes:
        pairs: The protocol's pairs.
        similarities: Theirs, float32 ``(len(pairs),)``.
        all_genuine, all_impostors: Those of every two pictures of one person, and of two people.
        faceless: Pictures in which no face was found; they are like none, at similarity 0.
    """

    pairs: Pairs
    similarities: FloatArray
    all_genuine: FloatArray
    all_impostors: FloatArray
    faceless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What an embedder reaches.

    Attributes:
        accuracies: By fold, each with the threshold chosen on the others.
        area: Area under the ROC curve of the protocol's pairs.
        from_pairs: Decision thresholds by the protocol's own impostor pairs, for each false-match rate.
        from_all: The same by every two pictures of different people: many more pairs, but not independent ones.
        impostor_pairs, all_impostor_pairs: How many of each there are.
    """

    accuracies: list[float]
    area: float
    from_pairs: dict[str, Operating]
    from_all: dict[str, Operating]
    impostor_pairs: int
    all_impostor_pairs: int

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds, of these folds (divided by their number)."""
        return float(np.std(self.accuracies))


def names_of(pairs: Pairs) -> list[str]:
    """Every picture that the pairs name, once."""
    return sorted({*pairs.first, *pairs.second})


def compare(pairs: Pairs, embeddings: FloatArray, faceless: tuple[str, ...] = ()) -> Comparisons:
    """Compare the pairs' pictures, and every two of them.

    Args:
        pairs: The pairs.
        embeddings: Of ``names_of(pairs)``, float32 ``(n, d)`` of unit length; zeros where no face was found.
        faceless: Where that is.
    """
    names = names_of(pairs)
    row = {name: index for index, name in enumerate(names)}
    first = embeddings[[row[name] for name in pairs.first]]
    second = embeddings[[row[name] for name in pairs.second]]
    similarities = np.asarray((first * second).sum(1), np.float32)
    people = [Path(name).parent.name for name in names]
    return Comparisons(pairs, similarities, *cross_identity(embeddings, people), faceless)


def verify(comparisons: Comparisons, rates: Sequence[float] = FALSE_MATCH_RATES) -> Verification:
    """Judge the protocol's pairs, and choose decision thresholds.

    Raises:
        GroundTruthError: There are pairs of one kind only, or of one fold.
    """
    pairs, similarities = comparisons.pairs, comparisons.similarities
    if pairs.same.all() or not pairs.same.any():
        raise GroundTruthError("there must be pairs of one person and pairs of two")
    genuine, impostors = similarities[pairs.same], similarities[~pairs.same]
    every_genuine, every_impostor = comparisons.all_genuine, comparisons.all_impostors
    return Verification(
        accuracies=fold_accuracies(similarities, pairs),
        area=area_under_curve(genuine, impostors),
        from_pairs={f"{rate:g}": operating_point(genuine, impostors, rate) for rate in rates},
        from_all={f"{rate:g}": operating_point(every_genuine, every_impostor, rate) for rate in rates},
        impostor_pairs=len(impostors),
        all_impostor_pairs=len(every_impostor),
    )
