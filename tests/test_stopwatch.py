from __future__ import annotations

import time

import pytest

from vultus.stopwatch import Stopwatch

pytestmark = pytest.mark.unit


def test_each_mark_books_the_time_since_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 11.5, 12.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    watch = Stopwatch()
    for stage in ("decode", "detect", "decode"):
        watch.mark(stage)
    assert watch.seconds == {"decode": 4.5, "detect": 0.5}
