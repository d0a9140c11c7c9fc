from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from vultus.errors import Cancelled, DeadlineExceeded, NotReady
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers

pytestmark = pytest.mark.unit

PATIENCE = 30  # seconds any wait below may take before the test fails instead of hanging


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(2)
    yield pool
    pool.close()


class Gate:
    """Holds workers until it is opened, and tells when they have come."""

    def __init__(self, parties: int) -> None:
        self.arrived = threading.Barrier(parties + 1)
        self.opened = threading.Event()

    def hold(self) -> None:
        self.arrived.wait(PATIENCE)
        assert self.opened.wait(PATIENCE)


def block(workers: Workers) -> Gate:
    """Keep every worker busy until the gate is opened."""
    gate = Gate(workers.count)
    for _ in range(workers.count):
        workers.submit(gate.hold)
    gate.arrived.wait(PATIENCE)
    return gate


def test_a_job_returns_its_result_and_runs_on_a_worker(workers: Workers) -> None:
    name = workers.submit(lambda: threading.current_thread().name).result(PATIENCE)
    assert name.startswith("vultus-worker-")


def test_a_job_takes_arguments(workers: Workers) -> None:
    assert workers.submit(divmod, 17, 5).result(PATIENCE) == (3, 2)


def test_an_error_reaches_the_waiter_and_the_thread_lives_on(workers: Workers) -> None:
    for _ in range(3 * workers.count):
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result(PATIENCE)
    assert workers.submit(divmod, 4, 2).result(PATIENCE) == (2, 0)


def test_jobs_run_side_by_side(workers: Workers) -> None:
    meeting = threading.Barrier(2)
    futures = [workers.submit(meeting.wait, PATIENCE) for _ in range(2)]
    assert sorted(future.result(PATIENCE) for future in futures) == [0, 1]


def test_lower_priority_numbers_go_first_and_equals_in_order() -> None:
    pool = Workers(1)
    gate = block(pool)
    seen: list[str] = []
    futures = [
        pool.submit_for(Ticket(priority=priority), seen.append, name)
        for priority, name in [(1, "late"), (0, "first"), (1, "later"), (0, "second")]
    ]
    assert pool.waiting == 4
    gate.opened.set()
    for future in futures:
        future.result(PATIENCE)
    pool.close()
    assert seen == ["first", "second", "late", "later"]


def test_spent_tickets_are_dropped_unrun(workers: Workers) -> None:
    gate = block(workers)
    ran: list[int] = []
    cancelled, expired = Ticket(), Ticket(deadline=time.monotonic())
    futures = [workers.submit_for(ticket, ran.append, 1) for ticket in (cancelled, expired)]
    cancelled.cancel()
    gate.opened.set()
    with pytest.raises(Cancelled):
        futures[0].result(PATIENCE)
    with pytest.raises(DeadlineExceeded):
        futures[1].result(PATIENCE)
    assert ran == []


def test_a_cancelled_future_is_not_run(workers: Workers) -> None:
    gate = block(workers)
    ran: list[int] = []
    future = workers.submit(ran.append, 1)
    assert future.cancel()
    gate.opened.set()
    workers.close()
    assert ran == []


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_spread_runs_every_row_exactly_once(workers: Workers, count: int) -> None:
    seen: list[int] = []
    workers.spread(count, seen.append, Ticket())
    assert sorted(seen) == list(range(count))


def test_spread_uses_idle_workers_beside_the_caller() -> None:
    pool = Workers(1)
    pool.submit(int).result(PATIENCE)
    meeting = threading.Barrier(2)  # passes only if two threads work on rows at the same time
    threads: set[str] = set()

    def row(_: int) -> None:
        meeting.wait(PATIENCE)
        threads.add(threading.current_thread().name)

    while not pool.idle:  # the worker is on its way back to the queue
        pass
    pool.spread(2, row, Ticket())
    pool.close()
    assert len(threads) == 2


def test_spread_does_not_wait_for_busy_workers(workers: Workers) -> None:
    gate = block(workers)
    seen: list[int] = []
    workers.spread(5, seen.append, Ticket())
    assert seen == [0, 1, 2, 3, 4]
    gate.opened.set()


def test_spread_from_a_worker_does_not_deadlock() -> None:
    pool = Workers(1)
    seen: list[int] = []
    pool.submit(pool.spread, 10, seen.append, Ticket()).result(PATIENCE)
    pool.close()
    assert sorted(seen) == list(range(10))


def test_spread_raises_the_first_error_and_stops(workers: Workers) -> None:
    seen: list[int] = []

    def row(index: int) -> None:
        if index == 3:
            raise ValueError("row 3")
        seen.append(index)

    gate = block(workers)
    with pytest.raises(ValueError, match="row 3"):
        workers.spread(1000, row, Ticket())
    gate.opened.set()
    assert seen == [0, 1, 2]


def test_spread_stops_when_the_ticket_is_spent(workers: Workers) -> None:
    ticket = Ticket()
    seen: list[int] = []

    def row(index: int) -> None:
        seen.append(index)
        ticket.cancel()

    with pytest.raises(Cancelled):
        workers.spread(1000, row, ticket)
    assert len(seen) <= workers.count + 1


def test_closing_finishes_what_is_queued_and_refuses_the_rest(workers: Workers) -> None:
    gate = block(workers)
    queued = [workers.submit(divmod, 9, 3) for _ in range(5)]
    gate.opened.set()
    workers.close()
    assert [future.result(0) for future in queued] == [(3, 0)] * 5
    with pytest.raises(NotReady):
        workers.submit(divmod, 1, 1)
    workers.close()
