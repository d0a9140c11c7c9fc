"""The threads that do the work, shared by every picture and every network."""

from __future__ import annotations

import itertools
import math
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from vultus.errors import NotReady
from vultus.memory import as_told
from vultus.runtime.ticket import Ticket

T = TypeVar("T")
P = ParamSpec("P")

_STOP_PRIORITY = math.inf  # behind every job


class Workers:
    """A fixed set of threads that take jobs by priority, then in order.

    Args:
        count: Number of threads.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._jobs: queue.PriorityQueue[tuple[float, int, Callable[[], None]]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._idle = 0
        self._lock = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"vultus-worker-{i}", daemon=True) for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that no thread has taken yet."""
        return self._jobs.qsize()

    @property
    def idle(self) -> int:
        """Threads that wait for a job."""
        return self._idle

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue ``job(*args, **kwargs)`` at ordinary priority; see ``submit_for``."""
        return self.submit_for(Ticket(), job, *args, **kwargs)

    def submit_for(self, ticket: Ticket, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a job; it is dropped unrun, with the ticket's error, if the ticket is spent when its turn comes.

        It and what waits for it run in the ticket's context; memory that runs out is told as ``OutOfMemory``.

        Raises:
            NotReady: The workers have been closed.
        """
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                ticket.check()
                result = job(*args, **kwargs)
            except BaseException as error:
                future.set_exception(as_told(error))
            else:
                future.set_result(result)

        self._put(ticket.priority, partial(ticket.context.copy().run, run), future)
        return future

    def spread(self, count: int, job: Callable[[int], None], ticket: Ticket) -> None:
        """Run ``job(0) ... job(count - 1)`` on the calling thread and on every worker that is idle now.

        Rows are taken one at a time, so a worker that comes late takes what is left, and one that never comes is not
        waited for. The first error ends the rest and is raised here.
        """
        share = _Share(count, job, ticket)
        for _ in range(min(count - 1, self.idle)):
            self._put(ticket.priority, share.assist)
        share.lead()

    def close(self) -> None:
        """Finish what is queued, then end the threads. Later jobs are refused."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in self._threads:
                self._jobs.put((_STOP_PRIORITY, next(self._order), _stop))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _put(self, priority: int, job: Callable[[], None], future: Future[Any] | None = None) -> None:
        with self._lock:
            if self._closed:
                if future is None:
                    return
                raise NotReady("the engine has been closed")
            self._jobs.put((priority, next(self._order), job))

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            _, _, job = self._jobs.get()
            with self._lock:
                self._idle -= 1
            if job is _stop:
                return
            job()
            del job  # or the last picture of a quiet server stays in memory


def _stop() -> None:
    """Mark of the end of the queue; never called."""


class _Share:
    """Rows of one ``spread``, pulled by whoever has time."""

    def __init__(self, count: int, job: Callable[[int], None], ticket: Ticket) -> None:
        self._rows = iter(range(count))  # next() on it is atomic
        self._job = job
        self._ticket = ticket
        self._condition = threading.Condition()
        self._active = 0
        self._closed = False
        self._error: BaseException | None = None

    def assist(self) -> None:
        with self._condition:
            if self._closed:
                return
            self._active += 1
        try:
            self._pull()
        finally:
            with self._condition:
                self._active -= 1
                self._condition.notify_all()

    def lead(self) -> None:
        self._pull()
        with self._condition:
            self._closed = True
            while self._active:
                self._condition.wait()
        if self._error is not None:
            raise self._error

    def _pull(self) -> None:
        for row in self._rows:
            if self._error is not None:
                return
            try:
                self._ticket.check()
                self._job(row)
            except BaseException as error:
                self._error = error
                return
