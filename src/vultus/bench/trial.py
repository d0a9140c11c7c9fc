"""One stretch of load on a server, with what it took of the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from vultus.bench import load
from vultus.bench.connection import Answer, Asker, connect
from vultus.bench.figures import Figures, summarise
from vultus.bench.load import Pace
from vultus.bench.processes import Usage, usage
from vultus.bench.requests import Address, Api, Form, Prepared, faces_in
from vultus.errors import RequestError, ServerUnreachable

T = TypeVar("T")

BUSY_CORES = 0.8
"""Share of its one core from which the load generator may be what limits."""

LATE_MS = 10.0
"""99th percentile of its own lateness from which an open loop is not what it should be."""

_OK = 200
_PATIENCE = 60  # seconds, for a first answer


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured.

    Attributes:
        address: Where it listens.
        api, form: How it is asked.
        pids: Its processes; empty where they are not on this machine.
    """

    address: Address
    api: Api
    form: Form
    pids: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a stretch of load.

    Attributes:
        offered: Pictures a second that fell due; ``None``: a closed loop.
        connections: Over how many connections.
        figures: What the clients saw.
        generator_cores: Of processor time that the load generator took; it has but one thread.
        late_ms: By how much the generator itself was late, 99th percentile; ``None``: a closed loop.
        server_cores, server_mib, server_peak_mib: What the server took, at the end; ``None`` where that is not known.
    """

    offered: float | None
    connections: int
    figures: Figures
    generator_cores: float
    late_ms: float | None
    server_cores: float | None
    server_mib: float | None
    server_peak_mib: float | None

    @property
    def warnings(self) -> list[str]:
        """Why these figures may be those of the load generator."""
        found = []
        if self.generator_cores > BUSY_CORES:
            found.append(f"the load generator took {self.generator_cores:.2f} of its one core: it may be what limits")
        if self.late_ms is not None and self.late_ms > LATE_MS:
            found.append(f"the load generator was late by {self.late_ms:.0f} ms (p99): latencies hold that too")
        return found

    @property
    def record(self) -> dict[str, Any]:
        """For JSON."""
        told = asdict(self)
        figures: dict[str, Any] = told.pop("figures")
        return told | figures


class Reading(NamedTuple):
    """What a clock and the system show at one moment."""

    clock: float
    own_cpu: float
    server: Usage | None


def run_trial(target: Target, requests: Sequence[Prepared], pace: Pace, pictures_each: int, faces: bool) -> Trial:
    """Send requests as the pace says.

    Args:
        target: What is measured.
        requests: What is sent, round and round.
        pace: How; its rate is that of requests.
        pictures_each: Pictures in a request.
        faces: Whether an answer without a face is a failure.
    """

    def read() -> Reading:
        return Reading(time.perf_counter(), time.process_time(), usage(target.pids))

    stretch = _run(load.run(pace, requests, _connector(target), faces, read))
    before, after = stretch.before, stretch.after
    assert before
    assert after
    passed = after.clock - before.clock
    return Trial(
        offered=None if pace.rate is None else pace.rate * pictures_each,
        connections=pace.connections,
        figures=summarise(stretch.samples, pace, pictures_each),
        generator_cores=(after.own_cpu - before.own_cpu) / passed,
        late_ms=1000 * float(np.percentile(stretch.late, 99)) if stretch.late else None,
        server_cores=_cpu(before.server, after.server) / passed if before.server and after.server else None,
        server_mib=after.server.resident_bytes / 2**20 if after.server else None,
        server_peak_mib=after.server.peak_bytes / 2**20 if after.server else None,
    )


def probe(target: Target, request: Prepared) -> int:
    """How many faces the answer to one request holds.

    Raises:
        ServerUnreachable: There is no answer.
        RequestError: It refuses the request, or a picture of it.
    """

    async def ask() -> Answer:
        async with asyncio.timeout(_PATIENCE):
            asker = await connect(target.address)
            try:
                return await asker.ask(request.content)
            finally:
                asker.close()

    try:
        answer = _run(ask())
    except OSError as error:
        raise ServerUnreachable(f"{target.address.url} does not answer: {str(error) or 'not in time'}") from error
    if answer.status != _OK:
        said = answer.content[:300].decode(errors="replace")
        raise RequestError(f"{target.address.url} answers with status {answer.status}: {said}")
    return faces_in(target.api, target.form, answer.content)


def _cpu(before: Usage, after: Usage) -> float:
    return after.cpu_seconds - before.cpu_seconds


def _connector(target: Target) -> Callable[[], Awaitable[Asker]]:
    async def new() -> Asker:
        return await connect(target.address)

    return new


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fastest event loop there is."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
