"""The batching network on devices that wait to be told: nothing here sleeps."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from vultus.errors import Cancelled, DeadlineExceeded, EngineError, NotReady
from vultus.runtime.batching import Batcher, BatchingNetwork
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

pytestmark = pytest.mark.unit

PATIENCE = 30  # seconds any wait below may take before the test fails instead of hanging
SIZES = (1, 2, 4, 8)
POISON = 13  # a pixel the device fails on


def rows(*values: int) -> Image:
    """One row for each value, all of whose pixels have it."""
    return np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])


class Device:
    """Answers each row with its first pixel; in manual mode, each batch only when it is let go."""

    def __init__(self, *, manual: bool = False) -> None:
        self.spec = NetworkSpec("probe", InputSpec(2, 2), ("value", "double"))
        self.batches: list[list[int]] = []
        self.broken: BaseException | None = None
        self._manual = manual
        self._begun = threading.Semaphore(0)
        self._allowed = threading.Semaphore(0)

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        values = batch[:, 0, 0, 0].astype(np.float32)
        self.batches.append(values.astype(int).tolist())
        self._begun.release()
        if self._manual:
            assert self._allowed.acquire(timeout=PATIENCE)
        if self.broken is not None:
            raise self.broken
        if (values == POISON).any():
            raise RuntimeError("a row is poisonous")
        return values[:, None], 2 * values[:, None, None]

    def wait_until_busy(self) -> None:
        assert self._begun.acquire(timeout=PATIENCE)

    def let_go(self, batches: int = 1) -> None:
        self._allowed.release(batches)


class Callers:
    """Threads that call a network."""

    def __init__(self, network: BatchingNetwork) -> None:
        self._network = network
        self._pool = ThreadPoolExecutor(32)

    def call(self, *values: int, ticket: Ticket | None = None) -> Future[list[int]]:
        """Call with these rows, and return once they are queued."""
        waiting = self._network.turns.rows + len(values)
        future = self._pool.submit(self._run, rows(*values), ticket or Ticket())
        until = time.monotonic() + PATIENCE
        while self._network.turns.rows < waiting and not future.done():
            assert time.monotonic() < until
        return future

    def begin(self, device: Device, *values: int) -> Future[list[int]]:
        """Call with these rows, and return once the device computes them."""
        future = self._pool.submit(self._run, rows(*values), Ticket())
        device.wait_until_busy()
        return future

    def _run(self, batch: Image, ticket: Ticket) -> list[int]:
        value, double = self._network.run(batch, ticket)
        assert value.shape == (len(batch), 1)
        np.testing.assert_array_equal(double, 2 * value[:, None])
        return [int(each) for each in value[:, 0]]

    def close(self) -> None:
        self._pool.shutdown()


Made = tuple[Device, Batcher, Callers]


@pytest.fixture
def make() -> Iterator[Callable[..., Made]]:
    """Makes a device with batching in front, and callers; all are ended with the test."""
    ends: list[Callable[[], None]] = []

    def start(**options: bool) -> Made:
        device, batcher = Device(**options), Batcher()
        callers = Callers(batcher.wrap(device, SIZES))
        ends.append(lambda: device.let_go(1000))
        ends.append(batcher.close)
        ends.append(callers.close)
        return device, batcher, callers

    yield start
    for end in ends:
        end()


@pytest.fixture
def held(make: Callable[..., Made]) -> Made:
    """A device that answers each batch only when it is let go."""
    return make(manual=True)


def test_a_lone_row_leaves_at_once_and_alone(make: Callable[..., Made]) -> None:
    device, batcher, callers = make()
    assert callers.call(7).result(PATIENCE) == [7]
    assert device.batches == [[7]]
    assert (batcher.counts.batches, batcher.counts.rows, batcher.counts.padding) == (1, 1, 0)


def test_what_comes_while_the_device_computes_makes_the_next_batch(held: Made) -> None:
    device, _, callers = held
    first = callers.begin(device, 1)
    others = [callers.call(value) for value in range(2, 7)]
    device.let_go(2)
    assert [future.result(PATIENCE) for future in (first, *others)] == [[value] for value in range(1, 7)]
    assert [len(batch) for batch in device.batches] == [1, 8]
    assert sorted(device.batches[1]) == [0, 0, 0, 2, 3, 4, 5, 6]


def test_more_rows_than_a_batch_holds_come_back_in_order(make: Callable[..., Made]) -> None:
    device, _, callers = make()
    values = list(range(20, 41))
    assert callers.call(*values).result(PATIENCE) == values
    assert all(len(batch) in SIZES for batch in device.batches)


def test_one_picture_of_many_faces_does_not_hold_up_single_faces(held: Made) -> None:
    device, _, callers = held
    first = callers.begin(device, 1)
    crowd = callers.call(*range(100, 200))
    single = callers.call(2)
    device.let_go(2)
    assert single.result(PATIENCE) == [2]
    assert not crowd.done()
    device.let_go(50)
    assert crowd.result(PATIENCE) == list(range(100, 200))
    assert first.result(PATIENCE) == [1]


def test_urgent_rows_leave_first(held: Made) -> None:
    device, _, callers = held
    callers.begin(device, 1)
    ordinary = callers.call(*range(20, 40))
    urgent = callers.call(*range(40, 48), ticket=Ticket(priority=-1))
    device.let_go(10)
    assert urgent.result(PATIENCE) == list(range(40, 48))
    assert ordinary.result(PATIENCE) == list(range(20, 40))
    assert device.batches[1] == list(range(40, 48))


def test_networks_of_one_device_take_turns_and_never_run_side_by_side(held: Made) -> None:
    device, batcher, callers = held
    other_device = Device(manual=True)
    others = Callers(batcher.wrap(other_device, SIZES))
    callers.begin(device, 1)
    waiting = [callers.call(*range(2, 12)), others.call(*range(50, 60))]
    assert other_device.batches == []
    device.let_go()
    other_device.wait_until_busy()  # though the first network's rows came earlier
    assert len(device.batches) == 1
    other_device.let_go(10)
    device.let_go(10)
    assert [future.result(PATIENCE) for future in waiting] == [list(range(2, 12)), list(range(50, 60))]
    others.close()


def test_rows_of_a_cancelled_ticket_cost_nothing(held: Made) -> None:
    device, batcher, callers = held
    callers.begin(device, 1)
    ticket = Ticket()
    abandoned, kept = callers.call(66, ticket=ticket), callers.call(3)
    ticket.cancel()
    device.let_go(2)
    with pytest.raises(Cancelled):
        abandoned.result(PATIENCE)
    assert kept.result(PATIENCE) == [3]
    assert device.batches == [[1], [3]]
    assert batcher.counts.dropped == 1


def test_a_wait_ends_at_the_deadline_though_the_device_is_stuck(held: Made) -> None:
    device, _, callers = held
    stuck = callers.begin(device, 1)
    late = callers.call(66, ticket=Ticket.within(0.05))
    with pytest.raises(DeadlineExceeded):
        late.result(PATIENCE)
    device.let_go(2)
    assert stuck.result(PATIENCE) == [1]
    assert callers.call(4).result(PATIENCE) == [4]
    assert device.batches == [[1], [4]]


def test_a_deadline_that_comes_while_the_rows_are_computed_harms_nobody_else(held: Made) -> None:
    device, _, callers = held
    callers.begin(device, 1)
    late, other = callers.call(5, ticket=Ticket.within(0.05)), callers.call(6)
    device.let_go()
    device.wait_until_busy()
    with pytest.raises(DeadlineExceeded):
        late.result(PATIENCE)
    device.let_go(5)
    assert other.result(PATIENCE) == [6]
    assert callers.call(7).result(PATIENCE) == [7]


def test_a_spent_ticket_is_not_even_queued(make: Callable[..., Made]) -> None:
    device, _, callers = make()
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        callers.call(1, ticket=ticket).result(PATIENCE)
    assert device.batches == []


def test_a_batch_has_a_row(make: Callable[..., Made]) -> None:
    _, batcher, _ = make()
    with pytest.raises(ValueError, match="one row"):
        batcher.wrap(Device()).run(np.zeros((0, 2, 2, 3), np.uint8), Ticket())


@pytest.mark.parametrize("place", range(8))
def test_a_poisonous_row_fails_its_own_caller_alone(held: Made, place: int) -> None:
    device, batcher, callers = held
    callers.begin(device, 1)
    values = [20 + index if index != place else POISON for index in range(8)]
    futures = [callers.call(value) for value in values]
    device.let_go(20)
    for value, future in zip(values, futures, strict=True):
        if value == POISON:
            with pytest.raises(EngineError, match="probe could not be computed on the device: a row is poisonous"):
                future.result(PATIENCE)
        else:
            assert future.result(PATIENCE) == [value]
    assert batcher.counts.failures == 4  # of eight, four, two, one
    assert callers.call(9).result(PATIENCE) == [9]


def test_the_rest_of_a_poisonous_picture_costs_nothing_more(held: Made) -> None:
    device, _, callers = held
    callers.begin(device, 1)
    picture, other = callers.call(POISON, *range(100, 150)), callers.call(*range(20, 30))
    device.let_go(30)
    with pytest.raises(EngineError):
        picture.result(PATIENCE)
    assert other.result(PATIENCE) == list(range(20, 30))
    assert 149 not in {value for batch in device.batches for value in batch}


def test_a_device_that_fails_both_halves_is_not_asked_row_by_row(held: Made) -> None:
    device, batcher, callers = held
    first = callers.begin(device, 1)
    device.let_go()
    assert first.result(PATIENCE) == [1]
    blocked = callers.begin(device, 2)
    futures = [callers.call(value) for value in range(20, 28)]
    device.broken = RuntimeError("out of order")
    device.let_go(20)
    errors = [future.exception(PATIENCE) for future in (blocked, *futures)]
    assert all(isinstance(error, EngineError) for error in errors)
    assert len({id(error) for error in errors}) == len(errors)
    assert [len(batch) for batch in device.batches[:5]] == [1, 1, 8, 4, 4]
    assert batcher.counts.failures == 4
    device.broken = None
    assert callers.call(5).result(PATIENCE) == [5]


def test_an_answer_with_another_number_of_rows_is_an_error(make: Callable[..., Made]) -> None:
    device, _, callers = make()
    device.run = lambda batch, ticket: (np.zeros((3, 1), np.float32),)  # type: ignore[method-assign]
    with pytest.raises(EngineError, match=r"answers 1 rows with shapes \[\(3, 1\)\]"):
        callers.call(1).result(PATIENCE)


def test_the_death_of_the_dispatcher_fails_all_who_wait_at_once_is_counted_and_harms_nobody_who_comes_later(
    held: Made, caplog: pytest.LogCaptureFixture
) -> None:
    device, batcher, callers = held
    computed = callers.begin(device, 1)
    waiting = [callers.call(value) for value in range(2, 6)]
    device.broken = SystemExit()
    device.let_go()
    for future in (computed, *waiting):
        with pytest.raises(EngineError, match="has died"):
            future.result(PATIENCE)
    assert batcher.counts.deaths == 1
    assert "has died" in caplog.text
    device.broken = None
    later = callers.begin(device, 9)
    device.let_go()
    assert later.result(PATIENCE) == [9]


def test_close_waits_for_the_device_and_refuses_who_waits_and_who_comes(held: Made) -> None:
    device, batcher, callers = held
    computed, waiting = callers.begin(device, 1), callers.call(2)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    with pytest.raises(NotReady):
        waiting.result(PATIENCE)
    device.let_go()
    assert computed.result(PATIENCE) == [1]
    closing.join(PATIENCE)
    assert not closing.is_alive()
    with pytest.raises(NotReady):
        callers.call(3).result(PATIENCE)
    batcher.close()
    assert not [thread for thread in batcher._threads if thread.is_alive()]


def test_who_was_just_answered_joins_the_next_batch() -> None:
    """The device waits until callers have taken their results, be they ever so slow, within the part it may."""
    device = Device()
    taken: list[int] = []
    batcher = Batcher(clock=iter(range(0, 10**9, 3600)).__next__)  # every batch takes an hour: patience is endless
    network = batcher.wrap(device, SIZES)
    meeting = threading.Barrier(8)

    def call(value: int) -> None:
        meeting.wait(PATIENCE)
        for _ in range(50):
            taken.append(int(network.run(rows(value), Ticket())[0][0, 0]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(20, 28)))
    batcher.close()
    assert len(taken) == 400
    assert batcher.counts.rows == 400
    assert batcher.counts.batches < 200  # where nobody is waited for, it is up to one for each row


def test_nothing_hangs_and_nobody_gets_anothers_rows_under_a_storm(make: Callable[..., Made]) -> None:
    device, batcher, _ = make()
    network = batcher.wrap(device, SIZES)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def call(seed: int) -> Any:
        random = np.random.default_rng(seed)
        outcomes = []
        for _ in range(60):
            values = random.integers(14, 250, random.integers(1, 20)).tolist()
            kind = random.integers(0, 8)
            ticket = Ticket.within(0.002 if kind == 0 else PATIENCE, int(random.integers(-1, 2)))
            if kind == 1:
                values[0] = POISON
            try:
                answer = network.run(rows(*values), ticket)[0][:, 0].astype(int).tolist()
            except (EngineError, DeadlineExceeded) as error:
                outcomes.append(kind == 0 or not isinstance(error, DeadlineExceeded))
            else:
                outcomes.append(answer == values)
        return outcomes

    try:
        with ThreadPoolExecutor(12) as pool:
            assert all(all(outcomes) for outcomes in pool.map(call, range(12)))
    finally:
        sys.setswitchinterval(interval)
    assert batcher.counts.deaths == 0
    assert network.turns.rows == 0
    assert not network.turns


def test_how_long_the_device_has_been_at_a_batch_is_known(held: Made) -> None:
    device, batcher, callers = held
    assert batcher.computing_for == 0
    future = callers.begin(device, 1)
    assert batcher.computing_for > 0
    device.let_go()
    future.result(PATIENCE)
    assert batcher.computing_for == 0
