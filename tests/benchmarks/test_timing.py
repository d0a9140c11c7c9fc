"""Medians, pairs and turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import timing

pytestmark = pytest.mark.unit


def test_jobs_take_turns() -> None:
    order: list[str] = []

    def job(name: str) -> Callable[[], int]:
        def run() -> int:
            order.append(name)
            return len(order)

        return run

    assert timing.in_turn({"a": job("a"), "b": job("b")}, 3) == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert order == ["a", "b"] * 3


def test_alternating_jobs_go_first_in_turn_and_keep_their_results_apart() -> None:
    order: list[str] = []

    def job(name: str) -> int:
        order.append(name)
        return len(order)

    results = timing.in_turn({"a": lambda: job("a"), "b": lambda: job("b")}, 3, alternate=True)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert results == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_spread_of_an_even_number_has_the_middle_of_the_two_in_the_middle() -> None:
    assert timing.spread([4, 1, 10, 2]) == timing.Spread(median=3, low=1, high=10)


def test_paired_ratio_is_the_median_of_ratios_and_not_the_ratio_of_medians() -> None:
    # Ratios 2, 0.5 and 4; the medians are 4 and 8, whose ratio is 0.5.
    assert timing.paired_ratio([16, 4, 4], [8, 8, 1]) == 2


@pytest.mark.parametrize("call", [lambda: timing.spread([]), lambda: timing.paired_ratio([], [])])
def test_nothing_measured_is_an_error(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        call()


def test_rounds_that_do_not_pair_up_are_an_error() -> None:
    with pytest.raises(ValueError):
        timing.paired_ratio([1, 2], [1])


def test_warm_up_runs_do_not_count() -> None:
    calls: list[int] = []
    assert len(timing.repeat(lambda: calls.append(1), runs=4, warm_up=2)) == 4
    assert len(calls) == 6
