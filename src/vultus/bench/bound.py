"""The bare-network bound: how many pictures a second the networks alone would allow.

What the networks have to do for a picture is recorded once, as the engine really asks it of them; then it is repeated
with nothing around it, picture after picture on as many threads as there are cores. Networks that alternate
evict each other's weights from the caches, so this is less than what each reaches by itself; it is what a
server can be compared with.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Self

import numpy as np

from vultus.engine import FaceEngine
from vultus.imaging.source import Source
from vultus.runtime.cores import available_cores
from vultus.runtime.network import Counts, Network, NetworkSpec, Outputs, Runtime
from vultus.runtime.ticket import Ticket
from vultus.settings import Settings, served
from vultus.types import Image, InputSpec, Plan, Profile
from vultus.zoo.catalogue import Model, Task

SIDE = 640
"""Of the square canvas on which the bound is always told, whatever shapes are in use: detectors are published at it."""

_PATIENCE = 120  # seconds a thread waits for the others to be warm


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One run of a network.

    Attributes:
        model: What the network is.
        network: The loaded network.
        pixels: RGB uint8 ``(rows, height, width, 3)``; real ones, as some kernels get through zeros faster.
    """

    model: Model
    network: Network
    pixels: Image


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What the networks have to do for one picture or several, in the order in which they were asked.

    Attributes:
        calls: Runs of networks.
        faces: How many faces were found.
        pictures: How many pictures it is.
    """

    calls: tuple[Call, ...]
    faces: int
    pictures: int = 1

    @classmethod
    def together(cls, parts: Iterable[Work]) -> Work:
        """The work of several pictures, one after the other."""
        works = list(parts)
        calls = tuple(chain.from_iterable(work.calls for work in works))
        return cls(calls, sum(work.faces for work in works), sum(work.pictures for work in works))

    def rows(self, task: Task) -> list[Image]:
        """What networks of a task saw, RGB uint8 ``(height, width, 3)`` each."""
        return [row for call in self.calls if call.model.task == task for row in call.pixels]

    @property
    def canvases(self) -> tuple[str, ...]:
        """Sizes of the detector's inputs, ``width x height``, each once."""
        return tuple(dict.fromkeys(f"{row.shape[1]} x {row.shape[0]}" for row in self.rows("detection")))


@dataclass(frozen=True, slots=True)
class Bound:
    """Pictures a second of the networks alone.

    Attributes:
        canvases: Sizes of the detector's inputs that are really used.
        here: With these.
        square: With an input of ``SIDE`` x ``SIDE``; ``None`` where there is no such thing.
    """

    canvases: tuple[str, ...]
    here: float
    square: float | None

    @classmethod
    def mean(cls, bounds: Sequence[Bound]) -> Bound:
        """Of several measurements of the same."""
        squares = [bound.square for bound in bounds if bound.square is not None]
        return cls(bounds[0].canvases, fmean(bound.here for bound in bounds), fmean(squares) if squares else None)


class Bare:
    """An engine's own compiled networks, without anything else of Vultus. Use it in a ``with`` statement.

    Args:
        settings: Of the engine; what is unset is as in a server.

    Attributes:
        engine: The engine whose networks these are.

    Raises:
        VultusError: As ``FaceEngine``.
    """

    def __init__(self, settings: Settings) -> None:
        self._recorder: _Recorder | None = None
        self.engine = FaceEngine(served(settings), self._record)
        self._squares: dict[str, Network] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.engine.close()

    @property
    def threads(self) -> int:
        """How many threads repeat the work: on a CPU one for each row computed at once, else all the workers."""
        if self._is_cpu:
            return self.engine.settings.streams or available_cores()
        return self.engine.workers.count  # so many calls are what an accelerator's batches are filled from

    def work(self, source: Source, plan: Plan | None = None, profile: Profile | None = None) -> Work:
        """What the networks have to do for a picture.

        Raises:
            VultusError: As ``FaceEngine.analyze``.
        """
        assert self._recorder
        self.engine.prepare(*([profile] if profile else []))
        with self._recorder.recording() as calls:
            analysis = self.engine.analyze(source, plan, profile)
        return Work(tuple(calls), len(analysis.faces))

    def on_square(self, work: Work) -> Work | None:
        """The same with the detector's input filled up with black to ``SIDE`` x ``SIDE``.

        Returns:
            ``None`` where there is no such thing: the detector takes one size alone, or the canvas is larger.
        """
        calls = []
        for call in work.calls:
            if call.model.task != "detection":
                calls.append(call)
                continue
            rows, height, width = call.pixels.shape[:3]
            if not call.model.resizable or max(height, width) > SIDE:
                return None
            pixels = np.zeros((rows, SIDE, SIDE, 3), np.uint8)
            pixels[:, :height, :width] = call.pixels
            network = call.network if height == width == SIDE else self._square(call.model)
            calls.append(Call(call.model, network, pixels))
        return replace(work, calls=tuple(calls))

    def worker(self, work: Work) -> Callable[[], None]:
        """What one thread runs for the work; on a CPU row by row, as nothing is won by more (``runtime/rows.py``)."""
        ticket = Ticket()
        at_once = 1 if self._is_cpu else None
        runs = [
            (call.network.run, call.pixels[start : start + step])
            for call in work.calls
            for step in (at_once or len(call.pixels),)
            for start in range(0, len(call.pixels), step)
        ]

        def repeat() -> None:
            for run, rows in runs:
                run(rows, ticket)

        return repeat

    def pictures_per_second(self, work: Work, seconds: float, callers: int = 1) -> float:
        """How often the work can be repeated, measured for so many seconds with ``callers`` times as many threads."""
        return work.pictures * rate(lambda: self.worker(work), seconds, callers * self.threads)

    def bound(self, work: Work, seconds: float) -> Bound:
        """The bound at the shapes really used and on the square, so many seconds each."""
        here, square = self.pictures_per_second(work, seconds), self.on_square(work)
        if square is None or square.canvases == work.canvases:
            return Bound(work.canvases, here, None if square is None else here)
        return Bound(work.canvases, here, self.pictures_per_second(square, seconds))

    @property
    def _is_cpu(self) -> bool:
        return self.engine.runtime.device.upper() in ("CPU", "NONE")  # the dummy's is none, and a CPU's in all but name

    def _square(self, model: Model) -> Network:
        if model.name not in self._squares:
            self._squares[model.name] = load_network(self.engine, model, (SIDE, SIDE))
        return self._squares[model.name]

    def _record(self, runtime: Runtime) -> Runtime:
        self._recorder = _Recorder(runtime)
        return self._recorder


def load_network(engine: FaceEngine, model: Model, size: tuple[int, int] | None = None) -> Network:
    """A network by itself, as the engine would load it.

    Args:
        engine: Whose runtime, and whose files.
        model: Which network.
        size: ``(width, height)`` of its input, where that is free.

    Raises:
        VultusError: The network cannot be had, or not with such an input.
    """
    spec = model.input if size is None else replace(model.input, width=size[0], height=size[1])
    return engine.runtime.load(model, engine.path(model), spec)


def rate(make_worker: Callable[[], Callable[[], None]], seconds: float, threads: int) -> float:
    """Calls a second of so many threads, each calling a worker of its own for so many seconds, at least once.

    Raises:
        RuntimeError: A thread failed.
    """
    barrier = threading.Barrier(threads)
    rates: list[float] = []

    def loop() -> None:
        work = make_worker()
        work()
        barrier.wait(_PATIENCE)  # a thread that failed must not hang the others
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds or not done:
            work()
            done += 1
        rates.append(done / spent)

    pool = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    if len(rates) != threads:
        raise RuntimeError("a thread of the bound failed; see its traceback above")
    return sum(rates)


class _Recorder:
    """A runtime whose networks tell what they are asked, while somebody listens."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.name, self.device = runtime.name, runtime.device
        self.precision, self.needs_files = runtime.precision, runtime.needs_files
        self.calls: list[Call] | None = None

    @property
    def families(self) -> Collection[str] | None:
        return self._runtime.families

    @property
    def counts(self) -> Counts | None:
        return self._runtime.counts

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        return _Recorded(self, model, self._runtime.load(model, path, spec))

    def close(self) -> None:
        self._runtime.close()

    @contextmanager
    def recording(self) -> Iterator[list[Call]]:
        self.calls = []
        try:
            yield self.calls
        finally:
            self.calls = None


class _Recorded:
    def __init__(self, recorder: _Recorder, model: Model, network: Network) -> None:
        self._recorder = recorder
        self._model = model
        self._network = network

    @property
    def spec(self) -> NetworkSpec:
        return self._network.spec

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        calls = self._recorder.calls
        if calls is not None:
            calls.append(Call(self._model, self._network, batch.copy()))
        return self._network.run(batch, ticket)
