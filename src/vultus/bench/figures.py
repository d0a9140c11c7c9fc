"""Samples to figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vultus.bench.load import OK, REFUSED, Pace, Sample


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took, in milliseconds; percentiles between two samples are interpolated linearly."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency | None:
        """Of some durations in seconds; ``None`` where there are none."""
        if not len(seconds):
            return None
        return cls(*(1000 * float(value) for value in np.percentile(seconds, (50, 90, 99, 100))))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a stretch of load came to.

    Attributes:
        requests: That fell due in the stretch.
        pictures_per_second: In good answers that came within it. In a closed loop those under way at an end
            of it count in proportion, or a few slow pictures more or less would decide.
        latency: Of good answers; ``None`` without one.
        refused: How many were refused for want of room (429).
        refused_latency: Of refusals.
        errors: How many failed otherwise, by HTTP status or reason.
    """

    requests: int
    pictures_per_second: float
    latency: Latency | None
    refused: int
    refused_latency: Latency | None
    errors: dict[str, int]


def summarise(samples: Sequence[Sample], pace: Pace, pictures_each: int = 1) -> Figures:
    """Figures of what fell due, or was answered, after the warm-up and before the end.

    Args:
        samples: All requests.
        pace: How they were sent.
        pictures_each: Pictures in a request.
    """
    begin, end = pace.warm_up, pace.warm_up + pace.seconds
    counted = [sample for sample in samples if begin <= sample.due < end]
    good = sum(_part(sample, begin, end, pace.rate is None) for sample in samples if sample.outcome == OK)
    outcomes = Counter(sample.outcome for sample in counted)
    return Figures(
        requests=len(counted),
        pictures_per_second=pictures_each * good / pace.seconds,
        latency=_latency(counted, OK),
        refused=outcomes[REFUSED],
        refused_latency=_latency(counted, REFUSED),
        errors={name: count for name, count in sorted(outcomes.items()) if name not in (OK, REFUSED)},
    )


def _part(sample: Sample, begin: float, end: float, is_closed: bool) -> float:
    """How much of an answer counts for the stretch."""
    if not is_closed or sample.done <= sample.due:
        return float(begin <= sample.done < end)
    return max(0.0, min(sample.done, end) - max(sample.due, begin)) / (sample.done - sample.due)


def _latency(samples: Sequence[Sample], outcome: str) -> Latency | None:
    return Latency.of([sample.done - sample.due for sample in samples if sample.outcome == outcome])
