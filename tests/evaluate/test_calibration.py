"""CompreFace's coefficients, against other ways to the same numbers."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from scipy import optimize  # type: ignore[import-untyped]

from vultus.errors import GroundTruthError
from vultus.evaluate import calibration
from vultus.evaluate.verification import Comparisons, Operating, Pairs
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def f32(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def test_unit_distances_are_those_of_the_vectors() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 50, 4))
    first, second = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    distances = calibration.unit_distances(np.asarray((first * second).sum(1), np.float32))
    np.testing.assert_allclose(distances, np.linalg.norm(first - second, axis=1), atol=1e-6)


def test_unit_distances_of_cosines_that_rounding_put_outside_their_range() -> None:
    assert calibration.unit_distances(f32(1.0000001, -1.0000001)).tolist() == [0, 2]


def test_similarity_is_comprefaces() -> None:
    # Its formula with the coefficients of its default model: 0.5 at c0, and (tanh(+-1) + 1) / 2 at 1 / c1 from there.
    c0, c1 = 1.1817961, 5.291995557
    found = calibration.similarity(np.array([c0, c0 - 1 / c1, c0 + 1 / c1]), (c0, c1))
    assert found.tolist() == pytest.approx([0.5, 0.8807970779778823, 0.11920292202211755])


@pytest.mark.parametrize(("genuine", "impostors"), [(400_000, 400_000), (50_000, 400_000)])
def test_coefficients_of_two_normal_distributions_are_those_of_linear_discriminants(
    genuine: int, impostors: int
) -> None:
    """Classes N(m1, s) and N(m2, s) of equal weight have the posterior logistic((m2 - m1) / s^2 * (middle - d))."""
    random = np.random.default_rng(1)
    distances = np.concatenate([random.normal(1.0, 0.1, genuine), random.normal(1.3, 0.1, impostors)])
    c0, c1 = calibration.similarity_coefficients(distances, np.arange(len(distances)) < genuine)
    assert c0 == pytest.approx(1.15, abs=0.002)
    assert 2 * c1 == pytest.approx(0.3 / 0.1**2, rel=0.015)


def test_coefficients_recovered_from_samples_of_the_model_itself() -> None:
    random, known = np.random.default_rng(2), (1.2, 6.0)
    distances = random.uniform(0.8, 1.6, 400_000)  # around c0, so that both kinds are equally many
    same = random.random(len(distances)) < (np.tanh((known[0] - distances) * known[1]) + 1) / 2
    assert calibration.similarity_coefficients(distances, same) == pytest.approx(known, rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_coefficients_are_those_a_general_optimiser_finds(seed: int) -> None:
    """The same weighted likelihood, written with CompreFace's own formula and climbed without derivatives."""
    random = np.random.default_rng(seed)
    genuine, impostors = random.gamma(40, 0.9 / 40, 120), random.normal(1.35, 0.06 + 0.05 * seed, 300)
    distances, same = np.concatenate([genuine, impostors]), np.arange(420) < 120

    def loss(c: FloatArray) -> float:
        right = np.log((np.tanh((c[0] - genuine) * c[1]) + 1) / 2).mean()
        wrong = np.log((np.tanh((impostors - c[0]) * c[1]) + 1) / 2).mean()
        return float(-right - wrong)

    best = optimize.minimize(
        loss, [1.2, 3.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000}
    )
    assert best.success
    assert calibration.similarity_coefficients(distances, same) == pytest.approx(tuple(best.x), rel=1e-6)


@pytest.mark.parametrize("genuine", [[0.5, 0.9], [1.7, 1.9], [0.5, 1.0]])
def test_pairs_that_a_distance_tells_apart_have_no_coefficients(genuine: list[float]) -> None:
    distances = np.array([*genuine, 1.0, 1.3, 1.4])
    with pytest.raises(GroundTruthError, match="tell all pairs apart"):
        calibration.similarity_coefficients(distances, np.array([True, True, False, False, False]))


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_have_no_coefficients(same: bool) -> None:
    with pytest.raises(GroundTruthError, match="there must be pairs"):
        calibration.similarity_coefficients(np.array([0.5, 1.0]), np.array([same, same]))


def test_above_counts_what_exceeds_the_limit() -> None:
    # Cosines 0.5, 0.28 and 0 are distances 1, 1.2 and sqrt(2): with c0 = 1.2 and c1 = 5 similarities 0.88, 0.5, 0.105.
    assert calibration.above(0.6, f32(0.5, 0.28, 0), (1.2, 5.0)) == pytest.approx(1 / 3)
    assert calibration.above(0.1, f32(0.5, 0.28, 0), (1.2, 5.0)) == 1


def test_calibrate_judges_the_fit_on_pairs_and_on_all() -> None:
    random = np.random.default_rng(3)
    same = np.arange(2000) < 1000
    cosines = np.where(same, random.normal(0.5, 0.1, 2000), random.normal(0.2, 0.1, 2000)).astype(np.float32)
    pairs = Pairs([], [], same, np.arange(2000) % 10)
    fitted = calibration.calibrate(Comparisons(pairs, cosines, f32(0.9, -0.9), f32(0.9, 0.9, 0.9, -0.9)))
    c0, c1 = fitted.coefficients
    alike = (np.tanh((c0 - np.sqrt(2 - 2 * cosines.astype(float))) * c1) + 1) / 2
    assert fitted.likely_genuine == pytest.approx((alike[same] > 0.5).mean())
    assert fitted.confident_impostors == pytest.approx((alike[~same] > 0.9).mean())
    assert (fitted.all_likely_genuine, fitted.all_confident_impostors) == (0.5, 0.75)


def test_the_fragment_is_toml_that_states_the_threshold_asked_for() -> None:
    points = {"0.01": Operating(0.2, 0.01, 0.02, 0.99), "0.001": Operating(0.3456, 0.001, 0.002, 0.98)}
    fitted = calibration.Calibration((1.2, 5.5), 0, 0, 1, 1)
    text = calibration.fragment("mine_2.5g", points, "0.001", fitted, "these pairs")
    assert tomllib.loads(text)["models"]["mine_2.5g"] == {
        "threshold": {"cosine": 0.3456, "false_match_rate": 0.001, "measured_on": "these pairs"},
        "similarity_coefficients": [1.2, 5.5],
    }
    assert "# at a false-match rate of 0.01: cosine = 0.2000" in text
