"""The verification protocol, on numbers small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import optimize  # type: ignore[import-untyped]

from benchmarks import lfw
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def f32(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def write_pairs(folder: Path, text: str) -> Path:
    path = folder / "pairs.txt"
    path.write_text(text)
    return path


def test_three_fields_are_one_person_and_four_are_two(tmp_path: Path) -> None:
    pairs = lfw.read_pairs(write_pairs(tmp_path, "2\t1\nAnn\t1\t4\nBob\t2\tCy_D\t13\nCy_D\t3\t4\nAnn\t1\tBob\t2\n"))
    assert pairs.first == ["Ann/Ann_0001.jpg", "Bob/Bob_0002.jpg", "Cy_D/Cy_D_0003.jpg", "Ann/Ann_0001.jpg"]
    assert pairs.second == ["Ann/Ann_0004.jpg", "Cy_D/Cy_D_0013.jpg", "Cy_D/Cy_D_0004.jpg", "Bob/Bob_0002.jpg"]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_first_folds_cuts_every_column(tmp_path: Path) -> None:
    pairs = lfw.read_pairs(write_pairs(tmp_path, "2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t1\t2\nB\t1\tC\t1\n")).first_folds(1)
    assert (pairs.first, pairs.second) == (["A/A_0001.jpg", "A/A_0001.jpg"], ["A/A_0002.jpg", "B/B_0001.jpg"])
    assert (pairs.same.tolist(), pairs.fold.tolist()) == ([True, False], [0, 0])


def test_a_file_with_fewer_pairs_than_it_announces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="announces 4 pairs and holds 1"):
        lfw.read_pairs(write_pairs(tmp_path, "2\t1\nAnn\t1\t4\n"))


def test_best_threshold_lies_half_way_between_separable_classes() -> None:
    similarities = f32(0.1, 0.2, 0.6, 0.8)
    assert lfw.best_threshold(similarities, np.array([False, False, True, True])) == pytest.approx(0.4)


def test_best_threshold_gives_up_the_fewest_pairs() -> None:
    # Cut -> pairs told right, of 5: below 0.1 -> 2, 0.15 -> 3, 0.25 -> 2, 0.4 -> 3, 0.65 -> 4, above 0.8 -> 3.
    similarities = f32(0.1, 0.2, 0.3, 0.5, 0.8)
    same = np.array([False, True, False, False, True])
    assert lfw.best_threshold(similarities, same) == pytest.approx(0.65)


def test_best_threshold_never_cuts_between_equal_similarities() -> None:
    # 0.5 is held by both classes; a cut inside it would tell all four right, but cannot be made.
    similarities = f32(0.1, 0.5, 0.5, 0.9)
    threshold = lfw.best_threshold(similarities, np.array([False, False, True, True]))
    assert threshold == pytest.approx(0.7) or threshold == pytest.approx(0.3)


def test_threshold_of_a_fold_comes_from_the_other_folds() -> None:
    # Fold 0 alone would put the threshold at 0.45 and be right throughout; fold 1 puts it at 0.75, where fold 0's
    # genuine pair of 0.7 is lost. Fold 1 judged with fold 0's 0.45 loses its impostor pair of 0.6.
    pairs = lfw.Pairs(["a"] * 4, ["b"] * 4, np.array([True, False, True, False]), np.array([0, 0, 1, 1]))
    assert lfw.fold_accuracies(f32(0.7, 0.2, 0.9, 0.6), pairs) == [0.5, 0.5]


def test_operating_point_lets_no_more_impostors_through_than_allowed() -> None:
    impostors = f32(*[i / 1000 for i in range(100)])  # 0.000 to 0.099
    point = lfw.operating_point(f32(0.05, 0.0985, 0.3, 0.4), impostors, 0.02)
    # Two of a hundred may pass: 0.099 and 0.098; the third, 0.097, must not.
    assert point.cosine == pytest.approx(0.0971)
    assert point.false_match_rate == pytest.approx(0.02)
    assert point.true_match_rate == pytest.approx(0.75)


def test_operating_point_between_equal_impostors_passes_none_of_them() -> None:
    point = lfw.operating_point(f32(0.9), f32(0.1, 0.5, 0.5, 0.5), 0.3)  # one of four allowed, three are alike
    assert point.cosine == pytest.approx(0.5001)
    assert point.false_match_rate == 0


def test_wilson_upper_bound_of_published_form() -> None:
    # z = 2, 0 of 4: centre (0 + 4/8) = 0.5, half width 2 * sqrt(4 / 64) = 0.5, over 1 + 4/4: 0.5.
    assert lfw.wilson_upper_bound(0, 4, z=2) == pytest.approx(0.5)
    # 1 of 1500 at z = 1.6449: (0.000667 + 0.000902 + 1.6449 * sqrt(4.442e-7 + 3.006e-7)) / 1.001804 = 0.002983.
    assert lfw.wilson_upper_bound(1, 1500) == pytest.approx(0.002983, abs=2e-6)


def test_cross_identity_takes_every_two_pictures_once() -> None:
    embeddings = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    genuine, impostors = lfw.cross_identity(embeddings, ["Ann", "Ann", "Bob"])
    assert genuine.tolist() == pytest.approx([0.6])
    assert sorted(impostors.tolist()) == pytest.approx([0.0, 0.8])


def test_unit_distances_are_those_of_the_vectors() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 50, 4))
    first, second = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    distances = lfw.unit_distances(np.asarray((first * second).sum(1), np.float32))
    np.testing.assert_allclose(distances, np.linalg.norm(first - second, axis=1), atol=1e-6)


def test_unit_distances_of_cosines_that_rounding_put_outside_their_range() -> None:
    assert lfw.unit_distances(f32(1.0000001, -1.0000001)).tolist() == [0, 2]


def test_similarity_is_comprefaces() -> None:
    # Its formula with the coefficients of its default model: 0.5 at c0, and (tanh(+-1) + 1) / 2 at 1 / c1 from there.
    c0, c1 = 1.1817961, 5.291995557
    found = lfw.similarity(np.array([c0, c0 - 1 / c1, c0 + 1 / c1]), (c0, c1))
    assert found.tolist() == pytest.approx([0.5, 0.8807970779778823, 0.11920292202211755])


@pytest.mark.parametrize(("genuine", "impostors"), [(400_000, 400_000), (50_000, 400_000)])
def test_coefficients_of_two_normal_distributions_are_those_of_linear_discriminants(
    genuine: int, impostors: int
) -> None:
    """Classes N(m1, s) and N(m2, s) of equal weight have the posterior logistic((m2 - m1) / s^2 * (middle - d))."""
    random = np.random.default_rng(1)
    distances = np.concatenate([random.normal(1.0, 0.1, genuine), random.normal(1.3, 0.1, impostors)])
    c0, c1 = lfw.similarity_coefficients(distances, np.arange(len(distances)) < genuine)
    assert c0 == pytest.approx(1.15, abs=0.002)
    assert 2 * c1 == pytest.approx(0.3 / 0.1**2, rel=0.015)


def test_coefficients_recovered_from_samples_of_the_model_itself() -> None:
    random, known = np.random.default_rng(2), (1.2, 6.0)
    distances = random.uniform(0.8, 1.6, 400_000)  # around c0, so that both kinds are equally many
    same = random.random(len(distances)) < (np.tanh((known[0] - distances) * known[1]) + 1) / 2
    assert lfw.similarity_coefficients(distances, same) == pytest.approx(known, rel=0.01)


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
    assert lfw.similarity_coefficients(distances, same) == pytest.approx(tuple(best.x), rel=1e-6)


@pytest.mark.parametrize("genuine", [[0.5, 0.9], [1.7, 1.9], [0.5, 1.0]])
def test_pairs_that_a_distance_tells_apart_have_no_coefficients(genuine: list[float]) -> None:
    distances = np.array([*genuine, 1.0, 1.3, 1.4])
    with pytest.raises(ValueError, match="tell all pairs apart"):
        lfw.similarity_coefficients(distances, np.array([True, True, False, False, False]))


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_have_no_coefficients(same: bool) -> None:
    with pytest.raises(ValueError, match="there must be pairs"):
        lfw.similarity_coefficients(np.array([0.5, 1.0]), np.array([same, same]))


def test_above_counts_what_exceeds_the_limit() -> None:
    # Cosines 0.5, 0.28 and 0 are distances 1, 1.2 and sqrt(2): with c0 = 1.2 and c1 = 5 similarities 0.88, 0.5, 0.105.
    assert lfw.above(0.6, f32(0.5, 0.28, 0), (1.2, 5.0)) == pytest.approx(1 / 3)
    assert lfw.above(0.1, f32(0.5, 0.28, 0), (1.2, 5.0)) == 1
