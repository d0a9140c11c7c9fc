"""How times are taken: monotonic clock, medians, things that are compared run in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """How a handful of measurements spreads, in their own unit."""

    median: float
    low: float
    high: float


def seconds(job: Callable[[], object]) -> float:
    """Seconds one call takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def repeat(job: Callable[[], object], runs: int, warm_up: int = 3) -> list[float]:
    """Seconds of each of ``runs`` calls, after ``warm_up`` calls that do not count."""
    for _ in range(warm_up):
        job()
    return [seconds(job) for _ in range(runs)]


def in_turn(jobs: Mapping[str, Callable[[], T]], rounds: int, *, alternate: bool = False) -> dict[str, list[T]]:
    """What each job returned in each round; a round runs every job once, so that drift hits all alike.

    Args:
        jobs: By name.
        rounds: How many.
        alternate: Whether every second round runs the jobs in reverse, so that going first is no advantage either.
    """
    results: dict[str, list[T]] = {name: [] for name in jobs}
    forth = list(jobs.items())
    for turn in range(rounds):
        for name, job in reversed(forth) if alternate and turn % 2 else forth:
            results[name].append(job())
    return results


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest of some measurements.

    Raises:
        ValueError: There are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    return Spread(float(np.median(values)), min(values), max(values))


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median over the rounds of the ratio of what was measured side by side.

    Raises:
        ValueError: The rounds do not pair up, or there are none.
    """
    if not numerators:
        raise ValueError("nothing was measured")
    return float(np.median([a / b for a, b in zip(numerators, denominators, strict=True)]))
