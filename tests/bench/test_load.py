"""Closed and open loops against servers of which queueing theory knows everything, on a clock that jumps."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vultus.bench.connection import Answer, Asker
from vultus.bench.load import FACELESS, OK, REFUSED, TIMEOUT, UNCONNECTED, Pace, Sample, Stretch, run
from vultus.bench.requests import Prepared

pytestmark = pytest.mark.unit

REQUEST = Prepared(b"POST", b"embedding")
GOOD = Answer(200, b'{"embedding": []}')

InNoTime = Callable[[Callable[[Callable[[], float]], Any]], Any]


class Server:
    """Answers so many requests at a time, each after so many seconds; the others wait in order."""

    def __init__(self, places: int, seconds: float, answer: Answer = GOOD) -> None:
        self._places, self._seconds, self._answer = places, seconds, answer
        self._free: asyncio.Semaphore | None = None
        self.connections = 0

    async def connect(self) -> Asker:
        self._free = self._free or asyncio.Semaphore(self._places)
        self.connections += 1
        return Connection(self)

    async def work(self) -> Answer:
        assert self._free
        async with self._free:
            await asyncio.sleep(self._seconds)
        return self._answer


class Connection:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.alive = True

    async def ask(self, request: bytes) -> Answer:
        assert request == REQUEST.content
        return await self._server.work()

    def close(self) -> None:
        self.alive = False


def pace(connections: int, rate: float | None = None, seconds: float = 10, timeout: float = 1000) -> Pace:
    return Pace(connections, rate, seconds, 0, timeout)


@pytest.fixture
def put(in_no_time: InNoTime) -> Callable[..., Stretch[int]]:
    def put(how: Pace, connect: Callable[[], Awaitable[Asker]], faces: bool = True) -> Stretch[int]:
        readings = itertools.count()
        stretch: Stretch[int] = in_no_time(
            lambda clock: run(how, [REQUEST], connect, faces, lambda: next(readings), clock)
        )
        return stretch

    return put


Put = Callable[..., Stretch[int]]


def test_a_closed_loop_finds_out_what_a_server_can_do(put: Put) -> None:
    server = Server(places=2, seconds=0.1)
    samples = put(pace(connections=4), server.connect).samples
    assert server.connections == 4
    assert len(samples) == pytest.approx(2 / 0.1 * 10, abs=4)  # at the end, those under way are awaited
    steady = [sample for sample in samples if sample.due > 1]
    # Little's law: four under way at 20 a second are there for 0.2 seconds each.
    assert [sample.done - sample.due for sample in steady] == pytest.approx([0.2] * len(steady))


def test_a_connection_that_was_closed_while_idle_is_replaced(put: Put) -> None:
    class Forgetful(Connection):
        async def ask(self, request: bytes) -> Answer:
            assert self.alive
            answer = await super().ask(request)
            asyncio.get_running_loop().call_later(0.05, self.close)
            return answer

    server = Server(places=2, seconds=0.1)

    async def connect() -> Asker:
        await server.connect()
        return Forgetful(server)

    samples = put(pace(connections=4, rate=5), connect).samples
    assert {sample.outcome for sample in samples} == {OK}
    assert server.connections == len(samples) == 50


def queue(rate: float, places: int, seconds: float, count: int) -> list[float]:
    """When each of so many requests is done where they fall due at a constant rate and are served in order."""
    free = [0.0] * places
    done = []
    for number in range(count):
        begin = max(number / rate, heapq.heappop(free))
        heapq.heappush(free, begin + seconds)
        done.append(begin + seconds)
    return done


@pytest.mark.parametrize("rate", [10.0, 19.0, 40.0])
def test_an_open_loop_keeps_to_its_rate_and_counts_the_wait(put: Put, rate: float) -> None:
    server = Server(places=2, seconds=0.1)
    samples = sorted(put(pace(connections=10_000, rate=rate), server.connect).samples)
    assert [sample.due for sample in samples] == [number / rate for number in range(int(10 * rate))]
    assert [sample.done for sample in samples] == pytest.approx(queue(rate, 2, 0.1, len(samples)), abs=1e-6)


def test_waiting_for_one_of_the_connections_is_part_of_the_latency(put: Put) -> None:
    server = Server(places=99, seconds=0.1)
    samples = sorted(put(pace(connections=1, rate=20), server.connect).samples)
    assert server.connections == 1
    assert [sample.done for sample in samples] == pytest.approx([0.1 * (number + 1) for number in range(200)])


def test_a_generator_that_keeps_up_is_never_late(put: Put) -> None:
    stretch = put(pace(connections=99, rate=50), Server(1, 0.5).connect)
    assert len(stretch.late) == 500
    assert max(stretch.late) == pytest.approx(0, abs=1e-6)


def test_the_meter_is_read_at_both_ends_of_what_is_measured(in_no_time: InNoTime) -> None:
    how = Pace(1, None, seconds=5, warm_up=2, timeout=9)
    stretch = in_no_time(lambda clock: run(how, [REQUEST], Server(1, 0.3).connect, True, clock, clock))
    assert (stretch.before, stretch.after) == pytest.approx((2, 7))
    assert max(sample.due for sample in stretch.samples) < 7


@pytest.mark.parametrize(
    ("answer", "faces", "outcome"),
    [
        (GOOD, True, OK),
        (Answer(200, b'{"faces": []}'), True, FACELESS),
        (Answer(200, b'{"faces": []}'), False, OK),
        (Answer(429, b""), True, REFUSED),
        (Answer(503, b""), True, "503"),
    ],
)
def test_outcomes(put: Put, answer: Answer, faces: bool, outcome: str) -> None:
    samples = put(pace(1, seconds=1), Server(1, 0.25, answer).connect, faces).samples
    assert [sample.outcome for sample in samples] == [outcome] * 4


def test_what_is_not_answered_in_time_is_given_up_with_its_connection(put: Put) -> None:
    server = Server(places=9, seconds=60)
    samples = put(pace(1, seconds=4, timeout=2), server.connect).samples
    assert samples == [Sample(0, 2, TIMEOUT), Sample(2, 4, TIMEOUT)]
    assert server.connections == 2


def test_a_server_that_is_not_there_is_not_asked_without_a_pause(put: Put) -> None:
    async def refuse() -> Asker:
        raise ConnectionRefusedError

    samples = put(pace(1, seconds=1), refuse).samples
    assert {sample.outcome for sample in samples} == {UNCONNECTED}
    assert len(samples) == pytest.approx(20, abs=1)
