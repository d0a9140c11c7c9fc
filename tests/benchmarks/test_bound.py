"""How the rate of threads is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from benchmarks.bound import pictures_per_second

pytestmark = pytest.mark.unit


def test_every_thread_has_a_worker_of_its_own_and_works_at_least_once() -> None:
    workers: dict[int, list[int]] = {}

    def make() -> Callable[[], None]:
        calls: list[int] = []
        workers[threading.get_ident()] = calls
        return lambda: calls.append(1)

    assert pictures_per_second(make, seconds=0, threads=3) > 0
    assert len(workers) == 3
    assert all(len(calls) == 2 for calls in workers.values())  # one to warm up, one that counts


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_fails_is_no_rate() -> None:
    made = iter([True, False])
    lock = threading.Lock()

    def make() -> Callable[[], None]:
        with lock:
            good = next(made)
        calls: list[int] = []

        def work() -> None:
            calls.append(1)
            if not good and len(calls) == 2:
                raise RuntimeError("broken")

        return work

    with pytest.raises(RuntimeError, match="failed"):
        pictures_per_second(make, seconds=0, threads=2)
