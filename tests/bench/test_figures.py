"""Samples to figures: known sequences, and numpy's percentiles."""

from __future__ import annotations

import numpy as np
import pytest

from vultus.bench.figures import Latency, summarise
from vultus.bench.load import OK, Pace, Sample

pytestmark = pytest.mark.unit

OPEN = Pace(1, 1.0, seconds=10, warm_up=5, timeout=9)
CLOSED = Pace(1, None, seconds=10, warm_up=5, timeout=9)


def test_percentiles_of_a_known_sequence() -> None:
    latency = Latency.of([number / 1000 for number in range(101)])  # 0 to 100 ms
    assert latency is not None
    assert (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms) == pytest.approx((50, 90, 99, 100))


def test_percentiles_are_numpys() -> None:
    seconds = np.random.default_rng(0).exponential(0.1, 333)
    latency = Latency.of(list(seconds))
    assert latency is not None
    assert latency.p99_ms == pytest.approx(1000 * np.quantile(seconds, 0.99))
    assert latency.max_ms == pytest.approx(1000 * seconds.max())


def test_of_nothing_there_is_no_latency() -> None:
    assert Latency.of([]) is None
    assert summarise([], OPEN).latency is None


def test_only_what_fell_due_in_the_stretch_counts() -> None:
    samples = [Sample(due, due + 1, OK) for due in (0, 4.9, 5, 14.9, 15, 20)]
    figures = summarise(samples, OPEN)
    assert figures.requests == 2
    assert figures.pictures_per_second == pytest.approx(2 / 10)  # done at 5.9 and 6; 15.9 is too late


def test_pictures_under_way_at_an_end_of_a_closed_loop_count_in_proportion() -> None:
    samples = [Sample(0, 10, OK), Sample(10, 20, OK)]  # half of each lies within 5 to 15
    assert summarise(samples, CLOSED).pictures_per_second == pytest.approx((0.5 + 0.5) / 10)
    assert summarise(samples, OPEN).pictures_per_second == pytest.approx(1 / 10)


def test_refusals_are_no_errors_and_neither_count_as_answers() -> None:
    samples = [
        *(Sample(6 + number, 6.5 + number, OK) for number in range(4)),
        *(Sample(6 + number, 6.01 + number, "429") for number in range(3)),
        *(Sample(6, 7, kind) for kind in ("503", "timeout", "503")),
    ]
    figures = summarise(samples, OPEN, pictures_each=8)
    assert figures.requests == 10
    assert figures.pictures_per_second == pytest.approx(8 * 4 / 10)
    assert figures.refused == 3
    assert figures.errors == {"503": 2, "timeout": 1}
    assert figures.latency is not None
    assert figures.latency.max_ms == pytest.approx(500)
    assert figures.refused_latency is not None
    assert figures.refused_latency.p99_ms == pytest.approx(10)
