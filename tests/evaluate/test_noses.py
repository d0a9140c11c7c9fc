"""Boxes against marked noses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import GroundTruthError
from vultus.evaluate import noses
from vultus.types import FloatArray

pytestmark = pytest.mark.unit


def boxes(*rows: tuple[float, float, float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def points(*rows: tuple[float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 2)


@pytest.mark.parametrize(
    ("found", "marked", "expected"),
    [
        pytest.param(boxes((0, 0, 10, 10)), points((5, 5)), noses.Hits(1, 1, 0, 0), id="inside"),
        pytest.param(boxes((0, 0, 10, 10)), points((10, 0)), noses.Hits(1, 1, 0, 0), id="on the edge"),
        pytest.param(boxes((0, 0, 10, 10)), points((5, 11)), noses.Hits(1, 0, 1, 0), id="beside"),
        pytest.param(boxes((0, 0, 10, 10), (20, 0, 30, 10)), points((25, 5)), noses.Hits(1, 1, 1, 0), id="false face"),
        pytest.param(boxes((0, 0, 10, 10), (1, 1, 9, 9)), points((5, 5)), noses.Hits(1, 1, 0, 1), id="found twice"),
        pytest.param(
            boxes((0, 0, 10, 10), (4, 0, 14, 10)), points((5, 5), (6, 5)), noses.Hits(2, 2, 0, 0), id="overlap"
        ),
        pytest.param(boxes(), points((5, 5)), noses.Hits(1, 0, 0, 0), id="no box"),
        pytest.param(boxes((0, 0, 10, 10)), points(), noses.Hits(0, 0, 1, 0), id="no nose"),
    ],
)
def test_count(found: FloatArray, marked: FloatArray, expected: noses.Hits) -> None:
    assert noses.count(found, marked) == expected


def test_read_leaves_out_what_is_not_included(tmp_path: Path) -> None:
    items = [
        {"image": "a.jpg", "noses": [[1, 2], [3, 4]], "include": True},
        {"image": "b.jpg", "noses": [[5, 6]], "include": False},
        {"image": "c.jpg", "noses": [], "include": True},
    ]
    (tmp_path / "annotations.json").write_text(json.dumps({"noses_xy": items}))
    first, second = noses.read(tmp_path)
    assert (first.path, first.noses.tolist()) == (tmp_path / "a.jpg", [[1, 2], [3, 4]])
    assert (second.path, second.noses.shape) == (tmp_path / "c.jpg", (0, 2))


def test_read_says_what_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text('{"noses_xy": [{"image": "a.jpg"}]}')
    with pytest.raises(GroundTruthError, match=r"annotations\.json"):
        noses.read(tmp_path)


@pytest.mark.parametrize(
    ("found", "marked", "expected"),
    [
        pytest.param(boxes((0, 0, 10, 10)), points((5, 5)), (0, 0), id="all is well"),
        pytest.param(boxes((0, 0, 10, 10)), points((10, 0)), (0, 0), id="borders count"),
        pytest.param(boxes(), points((5, 5), (6, 6)), (2, 0), id="nothing found"),
        pytest.param(boxes((0, 0, 10, 10)), points(), (0, 1), id="nothing marked"),
        pytest.param(boxes((0, 0, 10, 10)), points((30, 30)), (1, 1), id="beside each other"),
        pytest.param(boxes((0, 0, 10, 10), (1, 1, 9, 9)), points((5, 5)), (0, 1), id="found twice"),
        # The nose's nearest centre (9, 9) is of the small box, which does not hold it, so the large one is not asked.
        pytest.param(boxes((0, 0, 40, 40), (8, 8, 10, 10)), points((7, 7)), (1, 1), id="nearest box decides"),
        # The first nose takes the box; the second then has none left.
        pytest.param(boxes((0, 0, 10, 10)), points((2, 2), (5, 5)), (1, 0), id="a box serves once"),
    ],
)
def test_errors_are_comprefaces(found: FloatArray, marked: FloatArray, expected: tuple[int, int]) -> None:
    result = noses.errors(found, marked)
    assert (result.missed_noses, result.missed_boxes) == expected
    assert result.total == sum(expected)


def by_the_book(found: FloatArray, marked: FloatArray) -> tuple[int, int]:
    """The rule of the contract, word for word, over lists that items are taken out of."""

    def holds(box: list[float], nose: list[float]) -> bool:
        return box[0] <= nose[0] <= box[2] and box[1] <= nose[1] <= box[3]

    def distance(box: list[float], nose: list[float]) -> float:
        return ((box[0] + box[2]) / 2 - nose[0]) ** 2 + ((box[1] + box[3]) / 2 - nose[1]) ** 2

    missed_noses, left = 0, found.tolist()
    for nose in marked.tolist():
        nearest = min(left, key=lambda box: distance(box, nose), default=None)
        if nearest is not None and holds(nearest, nose):
            left.remove(nearest)
        else:
            missed_noses += 1
    missed_boxes, free = 0, marked.tolist()
    for box in found.tolist():
        closest = min(free, key=lambda nose: distance(box, nose), default=None)
        if closest is not None and holds(box, closest):
            free.remove(closest)
        else:
            missed_boxes += 1
    return missed_noses, missed_boxes


@pytest.mark.parametrize("seed", range(20))
def test_errors_follow_the_rule_word_for_word(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 60, (random.integers(0, 7), 2))
    found = np.concatenate([corners, corners + random.uniform(5, 40, corners.shape)], 1).astype(np.float32)
    marked = random.uniform(0, 80, (random.integers(0, 7), 2)).astype(np.float32)
    result = noses.errors(found, marked)
    assert (result.missed_noses, result.missed_boxes) == by_the_book(found, marked)
