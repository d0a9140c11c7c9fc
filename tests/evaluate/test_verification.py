"""The verification protocol, on numbers small enough to work out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import GroundTruthError
from vultus.evaluate import verification
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def f32(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def write_pairs(folder: Path, text: str) -> Path:
    path = folder / "pairs.txt"
    path.write_text(text)
    return path


def test_three_fields_are_one_person_and_four_are_two(tmp_path: Path) -> None:
    pairs = verification.read_pairs(
        write_pairs(tmp_path, "2\t1\nAnn\t1\t4\nBob\t2\tCy_D\t13\nCy_D\t3\t4\nAnn\t1\tBob\t2\n")
    )
    assert pairs.first == ["Ann/Ann_0001.jpg", "Bob/Bob_0002.jpg", "Cy_D/Cy_D_0003.jpg", "Ann/Ann_0001.jpg"]
    assert pairs.second == ["Ann/Ann_0004.jpg", "Cy_D/Cy_D_0013.jpg", "Cy_D/Cy_D_0004.jpg", "Bob/Bob_0002.jpg"]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_first_folds_cuts_every_column(tmp_path: Path) -> None:
    pairs = verification.read_pairs(
        write_pairs(tmp_path, "2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t1\t2\nB\t1\tC\t1\n")
    ).first_folds(1)
    assert (pairs.first, pairs.second) == (["A/A_0001.jpg", "A/A_0001.jpg"], ["A/A_0002.jpg", "B/B_0001.jpg"])
    assert (pairs.same.tolist(), pairs.fold.tolist()) == ([True, False], [0, 0])


def test_a_file_with_fewer_pairs_than_it_announces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match="announces 4 pairs and holds 1"):
        verification.read_pairs(write_pairs(tmp_path, "2\t1\nAnn\t1\t4\n"))


def test_best_threshold_lies_half_way_between_separable_classes() -> None:
    similarities = f32(0.1, 0.2, 0.6, 0.8)
    assert verification.best_threshold(similarities, np.array([False, False, True, True])) == pytest.approx(0.4)


def test_best_threshold_gives_up_the_fewest_pairs() -> None:
    # Cut -> pairs told right, of 5: below 0.1 -> 2, 0.15 -> 3, 0.25 -> 2, 0.4 -> 3, 0.65 -> 4, above 0.8 -> 3.
    similarities = f32(0.1, 0.2, 0.3, 0.5, 0.8)
    same = np.array([False, True, False, False, True])
    assert verification.best_threshold(similarities, same) == pytest.approx(0.65)


def test_best_threshold_never_cuts_between_equal_similarities() -> None:
    # 0.5 is held by both classes; a cut inside it would tell all four right, but cannot be made.
    similarities = f32(0.1, 0.5, 0.5, 0.9)
    threshold = verification.best_threshold(similarities, np.array([False, False, True, True]))
    assert threshold == pytest.approx(0.7) or threshold == pytest.approx(0.3)


def test_threshold_of_a_fold_comes_from_the_other_folds() -> None:
    # Fold 0 alone would put the threshold at 0.45 and be right throughout; fold 1 puts it at 0.75, where fold 0's
    # genuine pair of 0.7 is lost. Fold 1 judged with fold 0's 0.45 loses its impostor pair of 0.6.
    pairs = verification.Pairs(["a"] * 4, ["b"] * 4, np.array([True, False, True, False]), np.array([0, 0, 1, 1]))
    assert verification.fold_accuracies(f32(0.7, 0.2, 0.9, 0.6), pairs) == [0.5, 0.5]


def test_operating_point_lets_no_more_impostors_through_than_allowed() -> None:
    impostors = f32(*[i / 1000 for i in range(100)])  # 0.000 to 0.099
    point = verification.operating_point(f32(0.05, 0.0985, 0.3, 0.4), impostors, 0.02)
    # Two of a hundred may pass: 0.099 and 0.098; the third, 0.097, must not.
    assert point.cosine == pytest.approx(0.0971)
    assert point.false_match_rate == pytest.approx(0.02)
    assert point.true_match_rate == pytest.approx(0.75)


def test_operating_point_between_equal_impostors_passes_none_of_them() -> None:
    point = verification.operating_point(f32(0.9), f32(0.1, 0.5, 0.5, 0.5), 0.3)  # one of four allowed, three are alike
    assert point.cosine == pytest.approx(0.5001)
    assert point.false_match_rate == 0


def test_wilson_upper_bound_of_published_form() -> None:
    # z = 2, 0 of 4: centre (0 + 4/8) = 0.5, half width 2 * sqrt(4 / 64) = 0.5, over 1 + 4/4: 0.5.
    assert verification.wilson_upper_bound(0, 4, z=2) == pytest.approx(0.5)
    # 1 of 1500 at z = 1.6449: (0.000667 + 0.000902 + 1.6449 * sqrt(4.442e-7 + 3.006e-7)) / 1.001804 = 0.002983.
    assert verification.wilson_upper_bound(1, 1500) == pytest.approx(0.002983, abs=2e-6)


def test_cross_identity_takes_every_two_pictures_once() -> None:
    embeddings = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    genuine, impostors = verification.cross_identity(embeddings, ["Ann", "Ann", "Bob"])
    assert genuine.tolist() == pytest.approx([0.6])
    assert sorted(impostors.tolist()) == pytest.approx([0.0, 0.8])


@pytest.mark.parametrize("text", ["", "2\n", "1 1\nAnn one 2\nAnn 1 Bob 2\n", "1 1\nAnn 1\nAnn 1 Bob 2\n", "0 300\n"])
def test_what_is_no_list_of_pairs_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(GroundTruthError, match="pairs"):
        verification.read_pairs(write_pairs(tmp_path, text))


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match="cannot be read"):
        verification.read_pairs(tmp_path / "pairs.txt")


def test_one_fold_has_no_others_to_choose_a_threshold_on() -> None:
    pairs = verification.Pairs(["a"] * 2, ["b"] * 2, np.array([True, False]), np.array([0, 0]))
    with pytest.raises(GroundTruthError, match="one fold"):
        verification.fold_accuracies(f32(0.9, 0.1), pairs)


def test_area_under_the_curve_counts_every_two_pairs() -> None:
    # Of 2 x 3 comparisons 0.6 wins three; 0.3 wins one, ties one, loses one: (3 + 1 + 0.5) / 6.
    assert verification.area_under_curve(f32(0.6, 0.3), f32(0.1, 0.3, 0.5)) == pytest.approx(4.5 / 6)


def test_area_of_two_normal_distributions_is_the_published_one() -> None:
    """AUC of N(d', 1) against N(0, 1) is Phi(d' / sqrt(2)) (D. M. Green and J. A. Swets, 1966)."""
    random = np.random.default_rng(5)
    genuine, impostors = random.normal(1.2, 1, 200_000), random.normal(0, 1, 200_000)
    area = verification.area_under_curve(genuine.astype(np.float32), impostors.astype(np.float32))
    assert area == pytest.approx((1 + math.erf(1.2 / 2)) / 2, abs=0.002)


@pytest.mark.parametrize("seed", range(3))
def test_roc_points_are_what_counting_at_their_threshold_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    genuine = np.round(random.normal(0.5, 0.2, 50), 1).astype(np.float32)  # rounded: with many ties
    impostors = np.round(random.normal(0.1, 0.2, 80), 1).astype(np.float32)
    points = verification.roc(genuine, impostors)
    expected = set()
    for threshold in sorted(set(impostors.tolist())):
        false = sum(value >= threshold for value in impostors.tolist()) / 80
        expected.add((round(false, 9), round(sum(value >= threshold for value in genuine.tolist()) / 50, 9)))
    assert {(round(a, 9), round(b, 9)) for a, b in points.tolist()} <= expected
    assert points[:, 0].tolist() == sorted(points[:, 0].tolist())
    assert points[-1, 0] == 1


def made_up() -> verification.Comparisons:
    """Two folds; Ann and Bob have two pictures each."""
    pairs = verification.Pairs(
        first=["Ann/1", "Ann/1", "Bob/1", "Ann/2"],
        second=["Ann/2", "Bob/1", "Bob/2", "Bob/2"],
        same=np.array([True, False, True, False]),
        fold=np.array([0, 0, 1, 1]),
    )
    embeddings = np.array([[1, 0], [0.96, 0.28], [0, 1], [0.28, 0.96]], np.float32)  # Ann/1, Ann/2, Bob/1, Bob/2
    return verification.compare(pairs, embeddings, ("Bob/2",))


def test_compare_takes_each_pair_and_every_two_pictures() -> None:
    compared = made_up()
    assert compared.similarities.tolist() == pytest.approx([0.96, 0, 0.96, 0.5376])
    assert sorted(compared.all_genuine.tolist()) == pytest.approx([0.96, 0.96])
    assert sorted(compared.all_impostors.tolist()) == pytest.approx([0, 0.28, 0.28, 0.5376])
    assert compared.faceless == ("Bob/2",)


def test_verify_tells_accuracy_and_operating_points() -> None:
    result = verification.verify(made_up(), rates=[0.25])
    # Fold 0 is judged at fold 1's 0.7488; fold 1 at fold 0's 0.48, where its pair of two people (0.5376) matches.
    assert result.accuracies == [1, 0.5]
    assert (result.accuracy, result.deviation) == (0.75, 0.25)
    assert result.area == 1
    assert (result.impostor_pairs, result.all_impostor_pairs) == (2, 4)
    # One of all four impostors may match: the threshold is just above the second; none of the protocol's two may.
    assert result.from_all["0.25"].cosine == pytest.approx(0.2801)
    assert result.from_all["0.25"].false_match_rate == 0.25
    assert result.from_pairs["0.25"].cosine == pytest.approx(
        0.5377, abs=1.1e-4
    )  # single precision decides the last place
    assert result.from_pairs["0.25"].true_match_rate == 1


def test_pairs_of_one_kind_are_refused() -> None:
    pairs = verification.Pairs(["A/1", "A/1"], ["A/2", "A/3"], np.array([True, True]), np.array([0, 1]))
    compared = verification.compare(pairs, np.eye(3, dtype=np.float32))
    with pytest.raises(GroundTruthError, match="pairs of one person and pairs of two"):
        verification.verify(compared)
