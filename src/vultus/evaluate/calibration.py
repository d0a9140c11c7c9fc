"""CompreFace's similarity: what its two coefficients have to be for an embedder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vultus.errors import GroundTruthError
from vultus.evaluate.verification import Comparisons, Operating
from vultus.types import FloatArray

CONFIDENT = 0.9
"""Similarity from which CompreFace's users take two faces for one person's; strangers should not reach it."""

LIKELY = 0.5
"""Similarity at which CompreFace's formula calls both answers equally likely."""

MOST_STEPS = 100
"""Of Newton's method, which needs about ten."""


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
        GroundTruthError: One kind of pairs is missing, or some distance tells the two apart without error: then the
            steeper, the better, without end.
    """
    if same.all() or not same.any():
        raise GroundTruthError("there must be pairs of one person and pairs of two")
    genuine, impostors = distances[same], distances[~same]
    if genuine.max() <= impostors.min() or impostors.max() <= genuine.min():
        raise GroundTruthError("the distances tell all pairs apart; no steepness fits them best")
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
    raise GroundTruthError(f"no coefficients were found in {MOST_STEPS} steps")


def above(limit: float, similarities: FloatArray, coefficients: tuple[float, float]) -> float:
    """Share of the pairs with these cosines for which CompreFace's similarity is above ``limit``."""
    return float((similarity(unit_distances(similarities), coefficients) > limit).mean())


def calibrate(comparisons: Comparisons) -> Calibration:
    """Fit CompreFace's similarity to the protocol's pairs, and see what it then says of them and of all pairs.

    Raises:
        GroundTruthError: See ``similarity_coefficients``.
    """
    same, similarities = comparisons.pairs.same, comparisons.similarities
    fitted = similarity_coefficients(unit_distances(similarities), same)
    return Calibration(
        fitted,
        confident_impostors=above(CONFIDENT, similarities[~same], fitted),
        all_confident_impostors=above(CONFIDENT, comparisons.all_impostors, fitted),
        likely_genuine=above(LIKELY, similarities[same], fitted),
        all_likely_genuine=above(LIKELY, comparisons.all_genuine, fitted),
    )


def fragment(name: str, points: Mapping[str, Operating], rate: str, fitted: Calibration, measured_on: str) -> str:
    """What a catalogue states of an embedder's decisions, as TOML to put into its entry.

    Args:
        name: Catalogue name of the embedder.
        points: Decision thresholds by false-match rate.
        rate: Which of them is stated; the others are told in comments.
        fitted: CompreFace's similarity.
        measured_on: What the threshold was measured on.
    """
    stated, (c0, c1) = points[rate], fitted.coefficients
    lines = [
        "# Lines for a network's entry in a catalogue.",
        f'[models."{name}"]',
        f'threshold = {{ cosine = {stated.cosine:.4f}, false_match_rate = {rate}, measured_on = "{measured_on}" }}',
        f"similarity_coefficients = [{c0:.4f}, {c1:.4f}]",
        *(f"# at a false-match rate of {at}: cosine = {points[at].cosine:.4f}" for at in points if at != rate),
    ]
    return "\n".join(lines) + "\n"
