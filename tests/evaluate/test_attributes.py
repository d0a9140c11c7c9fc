"""Errors of ages and classes, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vultus.evaluate.attributes import (
    NO_FACE,
    Attacks,
    Decade,
    attacks_of,
    compare_ages,
    confuse,
    facts_of,
    judge,
    tell,
)
from vultus.evaluate.labels import Labels
from vultus.types import Face

pytestmark = pytest.mark.unit


def face(**attributes: object) -> Face:
    return Face(box=np.array([0, 0, 10, 10], np.float32), score=0.9, attributes=attributes)


def test_ages() -> None:
    ages = compare_ages([20, 25, 63], [26, 23, 53])
    assert ages.error == pytest.approx((6 + 2 + 10) / 3)
    assert ages.bias == pytest.approx((6 - 2 - 10) / 3)
    assert ages.decades == [Decade(20, 2, 4, 2), Decade(60, 1, 10, -10)]


def test_confusion() -> None:
    confusion = confuse(["f", "f", "m", "m", "m"], ["f", "m", "m", NO_FACE, "m"])
    assert confusion.classes == ("f", "m")
    assert confusion.told == ("f", "m", NO_FACE)
    assert confusion.counts == [[1, 1, 0], [0, 2, 1]]
    assert (confusion.faces, confusion.faceless) == (4, 1)
    assert confusion.accuracy == 0.75


def test_a_class_that_is_never_told_and_one_that_is_never_true() -> None:
    confusion = confuse(["mask", "mask"], ["incorrect", "no_mask"])
    assert (confusion.classes, confusion.told) == (("mask",), ("incorrect", "no_mask"))
    assert confusion.accuracy == 0


def test_nobody_seen_has_no_accuracy() -> None:
    assert confuse(["mask"], [NO_FACE]).accuracy is None


def test_attacks_by_the_standards_definitions() -> None:
    """ISO/IEC 30107-3: APCER by kind of attack, the worst counts; ACER is the mean of that and BPCER."""
    true = ["real"] * 4 + ["print"] * 4 + ["screen"] * 2
    told = ["real", "real", "real", "spoof", "spoof", "spoof", "spoof", "real", "real", NO_FACE]
    attacks = attacks_of(confuse(true, told))
    assert attacks.accepted == {"print": 0.25, "screen": 1}
    assert (attacks.worst, attacks.rejected, attacks.mean) == (1, 0.25, 0.625)


def test_attacks_alone_and_real_faces_alone() -> None:
    attacks = attacks_of(confuse(["spoof", "spoof"], ["spoof", NO_FACE]))
    assert (attacks.worst, attacks.rejected, attacks.mean) == (0, None, None)
    assert attacks_of(confuse(["real"], ["spoof"])) == Attacks({}, 1.0)
    assert attacks_of(confuse(["spoof"], [NO_FACE])).worst is None


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("gender", 0, "female"),
        ("gender", 1, "male"),
        ("mask", {"mask": 0.3, "no_mask": 0.6, "incorrect": 0.1}, "no_mask"),
        ("liveness", {"real": 0.51, "spoof": 0.49}, "real"),
    ],
)
def test_what_a_network_tells(fact: str, value: object, told: str) -> None:
    assert tell(fact, face(**{fact: value})) == told
    assert tell(fact, None) == NO_FACE


def test_facts_are_those_that_some_label_knows() -> None:
    assert facts_of([Labels(Path("a"), age=3), Labels(Path("b"), mask="mask")]) == ["age", "mask"]


def test_judge_takes_each_fact_where_it_is_known() -> None:
    labels = [
        Labels(Path("a"), age=30, gender="female"),
        Labels(Path("b"), gender="male"),
        Labels(Path("c"), age=50),
        Labels(Path("d"), age=90, liveness="real"),
    ]
    told = face(age=34.0, gender=1, liveness={"real": 0.9, "spoof": 0.1})
    result = judge(labels, [told, told, None, told])
    assert (result.pictures, result.faceless) == (4, 1)
    assert result.ages is not None
    assert result.ages.true.tolist() == [30, 90]
    assert result.ages.error == pytest.approx((4 + 56) / 2)
    assert result.confusion["gender"].accuracy == 0.5
    assert result.attacks == Attacks({}, 0.0)
    assert judge(labels[2:3], [None]).ages is None
