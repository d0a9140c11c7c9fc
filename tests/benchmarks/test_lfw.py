"""The verification protocol, on numbers small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
