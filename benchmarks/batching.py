"""What the batching network makes of an accelerator: a simulated one, which takes 4 ms a batch and 0.25 ms a row."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options, open_engine
from benchmarks.timing import in_turn, seconds, spread
from vultus import FaceEngine
from vultus.engine import WORKERS_PER_STREAM
from vultus.errors import VultusError
from vultus.runtime.batching import WORKER_THREADS, BatchingNetwork
from vultus.runtime.simulated import MOST_ROWS, SimulatedRuntime
from vultus.runtime.simulated import seconds as device_seconds
from vultus.runtime.ticket import Ticket
from vultus.runtime.turns import Job
from vultus.types import Image
from vultus.zoo.catalogue import Catalogue

CALLERS = 64
SINGLE = 16  # callers with one row beside the one with many
MANY = 400  # rows of that one: the faces of a crowd
SIDE = 8  # pixels: only waiting is measured, not computing
CANVAS = 64
RAMP = 0.5  # seconds until all callers are under way
IDEAL = MOST_ROWS / device_seconds(MOST_ROWS)
"""Rows a second of full batches without a pause between them."""


@dataclass(frozen=True, slots=True)
class Load:
    """What callers met who came again as soon as they were answered.

    Attributes:
        rate: Rows a second, of all.
        latencies: Seconds of each call, by caller.
    """

    rate: float
    latencies: list[list[float]]

    def percentile(self, which: float, callers: slice = slice(None)) -> float:
        """Seconds within which so many percent of these callers' calls were answered."""
        return float(np.percentile(np.concatenate(self.latencies[callers]), which))


def closed_loop(job: Callable[[int], object], rows: Sequence[int], duration: float) -> Load:
    """Let callers come again and again, and after ``RAMP`` count for some seconds what is answered.

    Args:
        job: What the caller of this number does.
        rows: Of each caller's calls.
        duration: Seconds.
    """
    latencies: list[list[float]] = [[] for _ in rows]
    opening = time.perf_counter() + RAMP
    closing = opening + duration

    def call(caller: int) -> None:
        now = time.perf_counter()
        while now < closing:
            began = now
            job(caller)
            now = time.perf_counter()
            if opening <= now < closing:
                latencies[caller].append(now - began)

    with ThreadPoolExecutor(len(rows)) as callers:
        list(callers.map(call, range(len(rows))))  # raises what a caller raised
    done = sum(count * len(times) for count, times in zip(rows, latencies, strict=True))
    return Load(done / duration, latencies)


def told_loop(network: BatchingNetwork, rows: Sequence[int], duration: float) -> Load:
    """The same without a thread for each caller: one that is told its answer asks again from where it is told.

    So a device process serves its fronts.

    Raises:
        VultusError: A caller was told so.
    """
    latencies: list[list[float]] = [[] for _ in rows]
    ended: queue.SimpleQueue[VultusError | None] = queue.SimpleQueue()
    opening = time.perf_counter() + RAMP
    closing = opening + duration

    def ask(caller: int, batch: Image) -> None:
        began = time.perf_counter()

        def told(error: VultusError | None) -> None:
            if error is not None:
                ended.put(error)
                return
            job.outputs()
            network.leave(job)
            now = time.perf_counter()
            if opening <= now < closing:
                latencies[caller].append(now - began)
            if now < closing:
                ask(caller, batch)
            else:
                ended.put(None)

        job = Job(batch, Ticket(), told)
        network.submit(job)

    for caller, batch in enumerate(_batches(rows)):
        ask(caller, batch)
    for _ in rows:
        if (error := ended.get()) is not None:
            raise error
    done = sum(count * len(times) for count, times in zip(rows, latencies, strict=True))
    return Load(done / duration, latencies)


def run(options: Options) -> Report:
    """Throughput, latency and fairness of the network alone, and throughput through the engine."""
    rounds, duration = options.pick(5, 1), options.pick(4, 1)
    mixed = np.random.default_rng(64).integers(1, 9, CALLERS).tolist()
    with _network() as network, _engine() as engine:
        picture = _one_face()
        lone = min(_call(network, 1, 40))
        loads = in_turn(
            {
                "one row a call": lambda: told_loop(network, [1] * CALLERS, duration),
                "one row a call, a thread each": lambda: _load(network, [1] * CALLERS, duration),
                "1 to 8 rows a call": lambda: _load(network, mixed, duration),
                "crowd": lambda: _load(network, [1] * SINGLE + [MANY], duration),
                "engine": lambda: closed_loop(lambda _: engine.analyze(picture), [1] * CALLERS, duration),
            },
            rounds,
        )
        counts = asdict(network.counts)
    rows = [Row("a lone row against the device's own time", lone / device_seconds(1), "", Bar("<=", 1.2))]
    for name in ("one row a call", "one row a call, a thread each", "1 to 8 rows a call"):
        rows.append(Row(f"{name}: rows/s", spread([load.rate for load in loads[name]]).median))
        ratio = spread([load.rate / IDEAL for load in loads[name]]).median
        rows.append(Row(f"{name}: throughput / ideal", ratio, "", Bar(">=", 0.90)))
        rows += [Row(f"{name}: p{which}", _latency(loads[name], which) * 1e3, "ms") for which in (50, 99)]
    single = slice(SINGLE)
    beside = _latency(loads["crowd"], 99, single)
    rows += [
        Row(
            f"{SINGLE} single callers beside one of {MANY} rows: p50", _latency(loads["crowd"], 50, single) * 1e3, "ms"
        ),
        Row(f"{SINGLE} single callers beside one of {MANY} rows: p99", beside * 1e3, "ms"),
        Row("the same p99 / a full batch's time", beside / device_seconds(MOST_ROWS), "", Bar("<=", 2.5)),
        Row(f"the call of {MANY} rows: p50", _latency(loads["crowd"], 50, slice(SINGLE, None)) * 1e3, "ms"),
        Row("engine, one face a picture: pictures/s", spread([load.rate for load in loads["engine"]]).median),
        Row("engine: throughput / ideal", spread([2 * load.rate / IDEAL for load in loads["engine"]]).median),
        Row("engine: p99", _latency(loads["engine"], 99) * 1e3, "ms"),
    ]
    return Report(
        "batching",
        f"{CALLERS} callers that share a simulated accelerator: 4 ms a batch + 0.25 ms a row, {MOST_ROWS} rows at most",
        rows,
        notes=[
            f"Ideal: {IDEAL:.0f} rows a second, full batches without pause; {rounds} rounds of {duration} s, medians.",
            "Callers come again as soon as they are answered, told on one thread, or each on a thread of its own. With "
            "one row each, the device stands still from a batch's end until they are back.",
            "Engine: the dummy's detector and embedder, one row of each a picture; what is missing is the walk's own "
            "time in Python, of which this device leaves 0.6 ms a picture.",
        ],
        detail={"rates": {name: [load.rate for load in each] for name, each in loads.items()}, "counts": counts},
    )


def _latency(loads: Sequence[Load], which: float, callers: slice = slice(None)) -> float:
    return spread([load.percentile(which, callers) for load in loads]).median


def _load(network: BatchingNetwork, rows: Sequence[int], duration: float) -> Load:
    batches = _batches(rows)
    return closed_loop(lambda caller: network.run(batches[caller], Ticket()), rows, duration)


def _batches(rows: Sequence[int]) -> list[Image]:
    return [np.zeros((count, SIDE, SIDE, 3), np.uint8) for count in rows]


def _call(network: BatchingNetwork, rows: int, times: int) -> list[float]:
    """Seconds of calls that nothing else is under way beside."""
    batch = np.zeros((rows, SIDE, SIDE, 3), np.uint8)
    return [seconds(lambda: network.run(batch, Ticket())) for _ in range(times)]


@contextmanager
def _network() -> Iterator[BatchingNetwork]:
    """An embedder on a simulated device, which has seen every size."""
    model = Catalogue.load().model("w600k_mbf")
    runtime = SimulatedRuntime()
    try:
        network = runtime.load(model, Path(model.file), replace(model.input, width=SIDE, height=SIDE))
        for size in network.pace.sizes:
            _call(network, size, 2)
        yield network
    finally:
        runtime.close()


@contextmanager
def _engine() -> Iterator[FaceEngine]:
    """An engine on a simulated device of its own, with a thread for each row that waits or is prepared."""
    streams = -(-WORKER_THREADS // WORKERS_PER_STREAM)
    with open_engine(runtime="dummy", device="simulated", canvas=CANVAS, streams=streams) as engine:
        runtime = engine.runtime
        assert isinstance(runtime, SimulatedRuntime)
        try:
            engine.prepare()
            yield engine
        finally:
            runtime.close()


def _one_face() -> Image:
    """A picture in which the dummy finds one face."""
    picture = np.zeros((CANVAS, CANVAS, 3), np.uint8)
    picture[: CANVAS // 2, : CANVAS // 2] = 255
    return picture
