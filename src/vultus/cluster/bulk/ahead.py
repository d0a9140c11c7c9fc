"""Pictures are read before the engine wants them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from vultus.cluster.bulk.order import Order
from vultus.cluster.bulk.reading import Job
from vultus.engine import FaceEngine
from vultus.runtime.ticket import Ticket
from vultus.types import Analysis

PER_WORKER = 4
"""Pictures under way for each worker of the engine, so that one with many faces holds none of them up."""

MOST_BYTES = 256 * 2**20
"""Of encoded pictures that wait for the engine; what is being read comes on top."""


class Ahead:
    """Reads pictures and hands them to the engine, as many as fit into memory. Use it in a ``with`` statement.

    Args:
        order: How.
        engine: Looks at them.

    Attributes:
        window: Pictures that should be under way.
    """

    def __init__(self, order: Order, engine: FaceEngine) -> None:
        self.window = PER_WORKER * engine.workers.count + order.readers
        self._order = order
        self._engine = engine
        self._ticket = Ticket(is_hurried=False)
        self._readers = ThreadPoolExecutor(order.readers, "vultus-reader")
        self._held = 0
        self._room = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ticket.cancel()
        self._hold(0)  # so that nobody waits for memory any longer
        self._readers.shutdown(cancel_futures=True)

    def begin(self, job: Job) -> Future[Future[Analysis]]:
        """Begin a picture: the future of its reading, which then is that of its analysis."""
        if not job.held:
            return self._readers.submit(self._read, job)
        # Not behind those that wait for memory to be read, for it is what they wait for.
        self._wait()
        given: Future[Future[Analysis]] = Future()
        given.set_result(self._hand_over(job.load()))
        return given

    def _read(self, job: Job) -> Future[Analysis]:
        self._wait()
        return self._hand_over(job.load())

    def _hand_over(self, content: bytes) -> Future[Analysis]:
        size = len(content)
        self._hold(size)
        future = self._engine.submit(content, self._order.plan, self._order.profile, self._ticket)
        future.add_done_callback(lambda _: self._hold(-size))
        return future

    def _wait(self) -> None:
        with self._room:
            self._room.wait_for(lambda: self._held < MOST_BYTES or self._ticket.cancelled)

    def _hold(self, size: int) -> None:
        with self._room:
            self._held += size
            self._room.notify_all()
