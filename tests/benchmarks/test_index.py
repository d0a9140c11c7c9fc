"""What the benchmark of indexing reads out of two outputs, and which pictures it takes; nothing is measured here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks import index
from vultus.cluster.bulk.run import PARTS
from vultus.cluster.bulk.tally import Tally

pytestmark = pytest.mark.unit


def write(folder: Path, *parts: list[tuple[str, int | None, float]]) -> Path:
    (folder / PARTS).mkdir(parents=True)
    for number, rows in enumerate(parts):
        columns: dict[str, Any] = {
            "picture": [row[0] for row in rows],
            "face": pa.array([row[1] for row in rows], pa.int32()),
            "score": [row[2] for row in rows],
        }
        parquet.write_table(pa.table(columns), folder / PARTS / f"part-{number}.parquet")
    return folder


def test_the_same_rows_in_other_parts_are_the_same(tmp_path: Path) -> None:
    rows = [("a", 0, 0.5), ("a", 1, 0.6), ("b", None, 0.0)]
    one, other = write(tmp_path / "one", rows), write(tmp_path / "other", rows[:1], rows[1:])
    assert index.compare(one, other) == {"rows": 3, "lost": 0, "twice": 0, "of nowhere": 0, "changed": 0}


def test_each_kind_of_difference_is_counted_by_itself(tmp_path: Path) -> None:
    one = write(tmp_path / "one", [("a", 0, 0.5), ("b", None, 0.0), ("c", 0, 0.7)])
    other = write(tmp_path / "other", [("a", 0, 0.5), ("a", 0, 0.5), ("c", 0, 0.8), ("d", 0, 0.9), ("d", 1, 0.9)])
    assert index.compare(one, other) == {"rows": 3, "lost": 1, "twice": 1, "of nowhere": 2, "changed": 1}


def test_the_sample_is_spread_over_all(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:02}.jpg").touch()
    taken = [int(path.stem) for path in index.sample((str(tmp_path),), 10)]
    assert taken == list(range(0, 100, 10))
    assert len(index.sample((str(tmp_path),), 1000)) == 100


def test_the_rate_is_that_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 14.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clock = index.Clock(warm=5)
    for pictures in (4, 1, 8):
        clock.tell(Tally(pictures=pictures))
    assert clock.rate == 2.0
