"""Labeled Faces in the Wild: its pairs, its protocol, and the thresholds that follow from them.

Protocol: G. B. Huang et al., "Labeled Faces in the Wild", 2007: each fold's threshold is chosen on the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vultus.types import FloatArray

CONFIDENT = 0.9
"""Similarity from which CompreFace's users take two faces for one person's; strangers should not reach it."""

LIKELY = 0.5
"""Similarity at which CompreFace's formula calls both answers equally likely."""

Z_95 = 1.6449
"""Quantile of the normal distribution for a one-sided bound that holds 95 times in 100."""

MOST_STEPS = 100
"""Of Newton's method, which needs about ten."""


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


@dataclass(frozen=True, slots=True)
class Calibration:
    """CompreFace's similarity, made to fit an embedder.

    Attributes:
        coefficients: As ``similarity_coefficients`` gives them.
        confident_impostors, all_confident_impostors: Share of the pairs of different people, the protocol's and every
            two pictures', whose similarity is above ``CONFIDENT``.
        likely_genuine, all_likely_genuine: Share of the pairs of one person whose similarity is above ``LIKELY``.
    """

    coefficients: tuple[float, float]
    confident_impostors: float
    all_confident_impostors: float
    likely_genuine: float
    all_likely_genuine: float


def read_pairs(path: Path) -> Pairs:
    """Read ``pairs.txt``: a heading with folds and pairs of each kind in a fold, then as many pairs as it says."""
    heading, *lines = path.read_text(encoding="utf-8").splitlines()
    folds, each = (int(field) for field in heading.split())
    fields = [line.split() for line in lines if line.strip()]
    if len(fields) != 2 * folds * each:
        raise ValueError(f"{path} announces {2 * folds * each} pairs and holds {len(fields)}")
    # Three fields: two pictures of one person. Four: one picture each of two.
    ends = [(f[0], f[1], f[0], f[2]) if len(f) == 3 else (f[0], f[1], f[2], f[3]) for f in fields]
    return Pairs(
        first=[picture(name, number) for name, number, _, _ in ends],
        second=[picture(name, number) for _, _, name, number in ends],
        same=np.array([len(f) == 3 for f in fields]),
        fold=np.arange(len(fields)) // (2 * each),
    )


def picture(name: str, number: str) -> str:
    """File name of a person's picture."""
    return f"{name}/{name}_{int(number):04d}.jpg"


def fold_accuracies(similarities: FloatArray, pairs: Pairs) -> list[float]:
    """Share of each fold's pairs that is told right with the threshold that is best on the other folds."""
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


def unit_distances(similarities: FloatArray) -> NDArray[np.float64]:
    """Euclidean distances, 0 to 2, of vectors of unit length with these cosine similarities."""
    return np.sqrt(2 - 2 * np.clip(similarities.astype(np.float64), -1, 1))


def similarity(distances: NDArray[np.float64], coefficients: tuple[float, float]) -> NDArray[np.float64]:
    """CompreFace's similarity, 0 to 1, of embeddings so far apart: 0.5 at the first coefficient."""
    middle, steepness = coefficients
    return (np.tanh((middle - distances) * steepness) + 1) / 2


def similarity_coefficients(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> tuple[float, float]:
    """The coefficients with which CompreFace's similarity is the probability that two faces are one person's.

    As ``(tanh(x) + 1) / 2`` is the logistic function of ``2 x``, they are a logistic regression of ``same`` on the
    distance. Found by maximum likelihood with Newton's method; pairs of one person and pairs of two count alike,
    however many there are of each.

    Args:
        distances: Of embeddings of unit length, float64 ``(n,)``.
        same: Whether both are of one person, ``(n,)``.

    Returns:
        The distance at which the similarity is 0.5, and how steeply it falls there.

    Raises:
        ValueError: One kind of pairs is missing, or some distance tells the two apart without error: then the steeper,
            the better, without end.
    """
    if same.all() or not same.any():
        raise ValueError("there must be pairs of one person and pairs of two")
    genuine, impostors = distances[same], distances[~same]
    if genuine.max() <= impostors.min() or impostors.max() <= genuine.min():
        raise ValueError("the distances tell all pairs apart; no steepness fits them best")
    columns = np.stack([np.ones_like(distances), distances], 1)
    weights = np.where(same, 0.5 / len(genuine), 0.5 / len(impostors))
    beta = np.zeros(2)
    for _ in range(MOST_STEPS):
        probability = 1 / (1 + np.exp(-columns @ beta))
        slope = columns.T @ (weights * (same - probability))
        curvature = (columns.T * (weights * probability * (1 - probability))) @ columns
        step = np.linalg.solve(curvature, slope)
        beta = beta + step
        if np.abs(step).max() <= 1e-10 * np.abs(beta).max():
            return float(-beta[0] / beta[1]), float(-beta[1] / 2)
    raise ValueError(f"no coefficients were found in {MOST_STEPS} steps")


def above(limit: float, similarities: FloatArray, coefficients: tuple[float, float]) -> float:
    """Share of the pairs with these cosines for which CompreFace's similarity is above ``limit``."""
    return float((similarity(unit_distances(similarities), coefficients) > limit).mean())


def wilson_upper_bound(events: int, trials: int, z: float = Z_95) -> float:
    """Upper end of the score interval for a share (E. B. Wilson, 1927)."""
    share = events / trials
    middle = share + z * z / (2 * trials)
    width = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return float((middle + width) / (1 + z * z / trials))


def cross_identity(embeddings: FloatArray, people: list[str]) -> tuple[FloatArray, FloatArray]:
    """Similarities of every two pictures of one person, and of every two pictures of different people.

    Args:
        embeddings: float32 ``(n, d)`` of unit length.
        people: Name of each row's person.
    """
    _, person = np.unique(people, return_inverse=True)
    first, second = np.triu_indices(len(embeddings), 1)
    similarities = (embeddings @ embeddings.T)[first, second]
    same = person[first] == person[second]
    return similarities[same], similarities[~same]
