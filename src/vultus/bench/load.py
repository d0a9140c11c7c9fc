"""Load: requests sent over and over, in a closed or an open loop.

In a closed loop each connection sends its next request when it has its answer: it finds out how much a server can do.
In an open loop requests fall due at a constant rate whatever the server does, as those of independent clients do; a
latency is counted from the moment the request was due, or a server that stalls would hide how long it made others
wait ("coordinated omission").
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from vultus.bench.connection import Asker
from vultus.bench.requests import Prepared

M = TypeVar("M")
Connect: TypeAlias = Callable[[], Awaitable[Asker]]

OK = "ok"
REFUSED = "429"
TIMEOUT, UNCONNECTED, FACELESS = "timeout", "connection", "no face"

_PAUSE = 0.05  # seconds before a connection that could not be had is tried again


@dataclass(frozen=True, slots=True)
class Pace:
    """How requests are sent.

    Attributes:
        connections: Over how many connections; in an open loop at most so many.
        rate: Requests that fall due a second; ``None``: a closed loop.
        seconds: How long is measured.
        warm_up: Seconds before that.
        timeout: Seconds after which an answer is no longer waited for.
    """

    connections: int
    rate: float | None
    seconds: float
    warm_up: float
    timeout: float


class Sample(NamedTuple):
    """One request.

    Attributes:
        due: When it was to be sent, in seconds since the load began.
        done: When its answer was there, or given up.
        outcome: ``ok``, an HTTP status other than 200, or ``timeout``, ``connection``, ``no face``.
    """

    due: float
    done: float
    outcome: str


@dataclass(slots=True)
class Stretch(Generic[M]):
    """What a stretch of load came to.

    Attributes:
        samples: All requests, those of the warm-up too.
        late: By how many seconds the generator itself was behind, at each request of an open loop.
        before, after: What the meter showed at the ends of what is measured.
    """

    samples: list[Sample] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    before: M | None = None
    after: M | None = None


async def run(
    pace: Pace,
    requests: Sequence[Prepared],
    connect: Connect,
    faces: bool,
    meter: Callable[[], M],
    clock: Callable[[], float] = time.perf_counter,
) -> Stretch[M]:
    """Send requests round and round, and wait for all answers.

    Args:
        pace: How.
        requests: What.
        connect: Makes a connection.
        faces: Whether an answer without a face is a failure.
        meter: Read at both ends of what is measured.
        clock: Monotonic seconds; an event loop's own may be too coarse.
    """
    load = _Load(pace, requests, connect, faces, clock)
    stretch: Stretch[M] = Stretch(load.samples, load.late)

    async def watch() -> None:
        await asyncio.sleep(pace.warm_up)
        stretch.before = meter()
        await asyncio.sleep(pace.seconds)
        stretch.after = meter()

    try:
        await asyncio.gather(watch(), load.open() if pace.rate else load.closed())
    finally:
        load.close()
    return stretch


class _Load:
    def __init__(
        self,
        pace: Pace,
        requests: Sequence[Prepared],
        connect: Connect,
        faces: bool,
        clock: Callable[[], float],
    ) -> None:
        self._pace = pace
        self._requests = itertools.cycle(requests)
        self._connect = connect
        self._faces = faces
        self._free: deque[Asker] = deque()
        self._clock, self._start = clock, clock()
        self.samples: list[Sample] = []
        self.late: list[float] = []

    def close(self) -> None:
        for asker in self._free:
            asker.close()

    async def closed(self) -> None:
        """Each connection sends a request when it has its answer."""
        end = self._pace.warm_up + self._pace.seconds

        async def client() -> None:
            while (due := self._now()) < end:
                await self._ask(due)

        await asyncio.gather(*(client() for _ in range(self._pace.connections)))

    async def open(self) -> None:
        """Requests fall due at a constant rate; each is a task of its own, which may have to wait for a connection."""
        assert self._pace.rate
        places = asyncio.Semaphore(self._pace.connections)
        total = round((self._pace.warm_up + self._pace.seconds) * self._pace.rate)

        async def client(due: float) -> None:
            async with places:
                await self._ask(due)

        async with asyncio.TaskGroup() as group:
            for number in range(total):
                due = number / self._pace.rate
                await asyncio.sleep(max(0.0, due - self._now()))  # also when late: others must get their turn
                self.late.append(max(0.0, self._now() - due))
                group.create_task(client(due))

    async def _ask(self, due: float) -> None:
        request = next(self._requests)
        asker: Asker | None = None
        try:
            async with asyncio.timeout(self._pace.timeout):
                asker = self._idle() or await self._connect()
                answer = await asker.ask(request.content)
            outcome = self._judge(answer.status, answer.content, request.marker)
        except TimeoutError:
            outcome = TIMEOUT
        except OSError:
            outcome = UNCONNECTED
        self.samples.append(Sample(due, self._now(), outcome))
        if asker is not None and asker.alive and outcome != TIMEOUT:
            self._free.append(asker)
        elif asker is not None:
            asker.close()
        else:
            await asyncio.sleep(_PAUSE)

    def _idle(self) -> Asker | None:
        """A connection that nobody uses. Those that the server has closed meanwhile, as idle too long, are let go."""
        while self._free:
            asker = self._free.pop()
            if asker.alive:
                return asker
        return None

    def _judge(self, status: int, content: bytes, marker: bytes) -> str:
        if status != 200:
            return str(status)
        return OK if not self._faces or marker in content else FACELESS

    def _now(self) -> float:
        return self._clock() - self._start
