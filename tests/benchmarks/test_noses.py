"""Boxes against marked noses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import noses
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
