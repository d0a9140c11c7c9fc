"""Several processes on this machine, each with an engine and its share of the cores."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from vultus.cluster.bulk.order import Order
from vultus.cluster.bulk.pipeline import Tell, index
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Unit
from vultus.engine import FaceEngine
from vultus.errors import EngineError, VultusError
from vultus.runtime.cores import share_of_cores

_BEAT = 0.2  # seconds between what a process tells of itself
_MORE, _DONE = "more", "done"


def run(order: Order, count: int, units: Iterable[Unit], tell: Tell) -> None:
    """Have so many processes write the parts of some units; each takes the next unit when it has room for it.

    Args:
        order: How.
        count: Number of processes.
        units: What is to be done.
        tell: Told what has been done, by one thread at a time.

    Raises:
        EngineError: A process died. Parts that were committed stay.
        VultusError: As ``index``, and as ``units``.
    """
    supply = _Supply(iter(units), tell)
    children: list[_Child] = []
    with ThreadPoolExecutor(count, "vultus-process") as threads:
        try:
            children += (_Child(order, place, count) for place in range(count))
            wait([threads.submit(child.serve, supply) for child in children], return_when=FIRST_EXCEPTION)
        finally:
            for child in children:
                child.end()
    if supply.error is not None:
        raise supply.error


class _Supply:
    """Units for several processes, what they all have done, and what went wrong first: the rest follows from it."""

    def __init__(self, units: Iterator[Unit], tell: Tell) -> None:
        self.error: BaseException | None = None
        self._units = units
        self._tell = tell
        self._lock = threading.Lock()

    def next(self) -> Unit | None:
        with self._lock:
            return next(self._units, None)

    def tell(self, tally: Tally) -> None:
        with self._lock:
            self._tell(tally)

    def fail(self, error: BaseException) -> None:
        with self._lock:
            self.error = self.error or error


class _Child:
    """A process, as the one that started it sees it."""

    def __init__(self, order: Order, place: int, count: int) -> None:
        spawn = get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=work, args=(order, place, count, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def serve(self, supply: _Supply) -> None:
        """Give it units until there are no more.

        Raises:
            VultusError: As ``run``.
        """
        try:
            self._serve(supply)
        except BaseException as error:
            supply.fail(error)
            raise

    def _serve(self, supply: _Supply) -> None:
        while (said := self._hear()) != _DONE:
            match said:
                case VultusError():
                    raise said
                case Tally():
                    supply.tell(said)
                case _:
                    self._line.send(supply.next())

    def end(self) -> None:
        """See to it that it is no more."""
        self._process.terminate()
        self._process.join()

    def _hear(self) -> Any:  # noqa: ANN401 - whatever comes through the pipe
        try:
            return self._line.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise EngineError(
                f"a process that indexes ended with code {self._process.exitcode}; run the command again to go on"
            ) from error


def work(order: Order, place: int, count: int, line: Connection) -> None:
    """What such a process does: asks for units until there are no more. Should nobody listen any longer, it ends.

    Args:
        order: How.
        place: Which of the processes it is.
        count: How many there are.
        line: To the one that started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; what it means, the first one decides
    settings = order.settings
    own = settings.model_copy(update={"streams": settings.streams or share_of_cores(place, count)})
    try:
        with FaceEngine(own) as engine:
            order.check(engine)
            engine.prepare(order.profile)
            teller = _Teller(line)
            index(order, engine, _asked(line), teller.add)
            teller.flush()
        line.send(_DONE)
    except VultusError as error:
        line.send(error)


def _asked(line: Connection) -> Iterator[Unit]:
    line.send(_MORE)
    while (unit := line.recv()) is not None:
        yield unit
        line.send(_MORE)


class _Teller:
    """Tells what was done, not after every picture."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._tally = Tally()
        self._last = time.monotonic()

    def add(self, tally: Tally) -> None:
        self._tally += tally
        if time.monotonic() - self._last >= _BEAT:
            self.flush()

    def flush(self) -> None:
        self._line.send(self._tally)
        self._tally, self._last = Tally(), time.monotonic()
