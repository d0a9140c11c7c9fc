"""When two answers are the same."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bodies import PictureFaces
from benchmarks.consistency import drift

pytestmark = pytest.mark.unit


def faces(*rows: tuple[float, float, float, float], shift: float = 0.0) -> PictureFaces:
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    return PictureFaces(boxes, np.full((len(rows), 3), 0.5 + shift, np.float32))


ALONE = faces((0, 0, 10, 10))


def test_equal_answers_do_not_drift() -> None:
    found = drift(ALONE, [faces((0, 0, 10, 10)), faces((0, 0, 10, 10))])
    assert (found.answers, found.other_boxes, found.embedding) == (2, 0, 0)


def test_any_difference_of_a_coordinate_is_another_box() -> None:
    nearly = float(np.nextafter(np.float32(10), np.float32(11)))
    assert drift(ALONE, [ALONE, faces((0, 0, 10, nearly))]).other_boxes == 1


def test_the_largest_difference_of_an_embedding_counts() -> None:
    found = drift(ALONE, [faces((0, 0, 10, 10), shift=0.25), ALONE])
    assert found.embedding == 0.25


def test_a_missing_face_is_no_small_difference() -> None:
    found = drift(ALONE, [faces()])
    assert (found.other_boxes, found.embedding) == (1, float("inf"))
