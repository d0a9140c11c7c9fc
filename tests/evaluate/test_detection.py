"""What a detector found, against what is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vultus.evaluate import noses
from vultus.evaluate.detection import judge, stack_boxes
from vultus.evaluate.truth import boxed
from vultus.types import Face

pytestmark = pytest.mark.unit


def face(*box: float, score: float = 0.9) -> Face:
    return Face(box=np.array(box, np.float32), score=score)


def nosed(name: str, *at: tuple[float, float]) -> noses.Photograph:
    return noses.Photograph(Path(name), np.array(at, np.float32).reshape(-1, 2))


def test_by_noses() -> None:
    photographs = [nosed("a.jpg", (5, 5), (25, 5)), nosed("b.jpg"), nosed("c.jpg", (5, 5))]
    found = [
        [face(0, 0, 10, 10, score=0.9), face(1, 1, 9, 9, score=0.6)],  # one face twice, one missed
        [face(0, 0, 10, 10, score=0.7)],  # nothing there
        [face(0, 0, 10, 10, score=0.8)],
    ]
    result = judge(photographs, found)
    assert not result.by_boxes
    assert (result.marked, result.boxes, result.right) == (3, 4, 2)
    assert (result.missed_noses, result.missed_boxes, result.errors) == (1, 2, 3)
    assert result.precision == 0.5
    assert result.recall == pytest.approx(2 / 3)
    assert result.curve.recall.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert result.curve.precision.tolist() == pytest.approx([1, 1, 2 / 3, 0.5])
    assert [picture.errors.total for picture in result.pictures] == [2, 1, 0]
    assert result.pictures[0].hits.doubled == 1


def test_by_boxes_a_nose_inside_is_not_enough() -> None:
    photographs = [boxed(Path("a.jpg"), [[0, 0, 10, 10]])]
    result = judge(photographs, [[face(0, 0, 100, 100)]])
    assert result.by_boxes
    assert (result.right, result.precision, result.recall) == (0, 0, 0)
    assert result.errors == 0  # to CompreFace it is found: the centre that is marked lies inside
    assert judge(photographs, [[face(0, 0, 10, 11)]]).right == 1


def test_noses_decide_where_some_picture_has_no_boxes() -> None:
    assert not judge([boxed(Path("a.jpg"), []), nosed("b.jpg")], [[], []]).by_boxes


def test_nothing_marked_and_nothing_found() -> None:
    result = judge([nosed("a.jpg")], [[]])
    assert (result.precision, result.recall, result.errors) == (0, 0, 0)
    assert stack_boxes([]).shape == (0, 4)
