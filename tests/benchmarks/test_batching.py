from __future__ import annotations

import threading

import numpy as np
import pytest

from benchmarks import batching
from benchmarks.batching import IDEAL, Load, closed_loop

pytestmark = pytest.mark.unit


def test_the_ideal_is_64_rows_in_20_milliseconds() -> None:
    assert pytest.approx(3200) == IDEAL


def test_percentiles_are_those_of_the_callers_asked_for() -> None:
    load = Load(0, [[1.0, 2.0, 3.0], [10.0]])
    assert load.percentile(50) == 2.5
    assert load.percentile(50, slice(1)) == 2.0
    assert load.percentile(50, slice(1, None)) == 10.0


def test_what_is_answered_in_the_time_that_counts_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two callers on a clock that each call moves on by a second: six seconds count, after two that do not."""
    lock, now = threading.Lock(), threading.local()
    moved: list[int] = []

    def work(caller: int) -> None:
        now.time = getattr(now, "time", 0.0) + 1
        with lock:
            moved.append(caller)

    monkeypatch.setattr(batching, "RAMP", 2.0)
    monkeypatch.setattr("time.perf_counter", lambda: getattr(now, "time", 0.0))
    meeting = threading.Barrier(2)  # or one thread might do both callers' work

    def job(caller: int) -> None:
        if caller not in moved:
            meeting.wait(30)
        work(caller)

    load = closed_loop(job, [1, 10], 6.0)
    # Answered at 1 and 8, which do not count, and at 2 to 7, which do.
    assert load.latencies == [[1.0] * 6, [1.0] * 6]
    assert load.rate == pytest.approx((6 * 1 + 6 * 10) / 6)
    assert sorted(moved) == [0] * 8 + [1] * 8


def test_an_error_of_a_caller_is_not_swallowed() -> None:
    def job(caller: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        closed_loop(job, [1], 0.0)


def test_the_dummy_finds_one_face_in_the_picture() -> None:
    with batching._engine() as engine:
        analysis = engine.analyze(batching._one_face())
    assert len(analysis.faces) == 1
    embedding = analysis.faces[0].embedding
    assert embedding is not None
    assert np.linalg.norm(embedding) == pytest.approx(1)
