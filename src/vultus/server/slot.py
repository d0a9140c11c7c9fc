"""One of a server's places for a worker, and who is in it: a worker, its successor, those that are leaving."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import count
from socket import socket

from vultus.server.process import WorkerProcess

STEADY = 10.0
"""Seconds a worker has to have lived for its death not to count as one at the start."""

TRIES = 5
"""Deaths at the start, one after the other, after which no further worker is started."""

_FIRST_PAUSE = 0.5  # seconds between the second such death and the next start; it doubles each time

logger = logging.getLogger(__name__)


class Slot:
    """A place for a worker: a queue of connections that outlives every worker that takes from it.

    Args:
        listener: The queue.
        start: Starts a worker; told the listener, a number that none of the living members has, and whether nobody
            here was ever ready.
        on_replaced: Told why a worker had to be replaced: ``died`` or ``stuck``.

    Attributes:
        worker: Who takes connections; ``None`` while the next one must wait.
        exhausted: The last one, when there is to be no other: too many have died at their start.
        renewal_failed: Whether the last successor could not be started.
    """

    def __init__(
        self,
        listener: socket,
        start: Callable[[socket, int, bool], WorkerProcess],
        on_replaced: Callable[[str], None],
    ) -> None:
        self._listener = listener
        self._start = start
        self._on_replaced = on_replaced
        self._has_served = False
        self._deaths = 0
        self._retry_at = 0.0
        self._successor: WorkerProcess | None = None
        self._leaving: list[WorkerProcess] = []
        self.exhausted: WorkerProcess | None = None
        self.renewal_failed = False
        self.worker: WorkerProcess | None = None
        self.worker = self._make()

    @property
    def ready(self) -> bool:
        """Whether there is a worker whose engine can be used."""
        return self.worker is not None and self.worker.ready

    @property
    def succession(self) -> bool:
        """Whether a successor is being started."""
        return self._successor is not None

    def members(self) -> Iterator[WorkerProcess]:
        """All processes of this place."""
        yield from (member for member in (self.worker, self._successor) if member is not None)
        yield from self._leaving

    def look(self) -> None:
        """Take in the news of all members and do what they call for."""
        for member in self.members():
            member.look()
        self._has_served = self._has_served or self.ready
        self._succeed()
        self._replace()

    def renew(self) -> None:
        """Start a successor; the worker leaves when it is ready."""
        if self.worker is not None and self._successor is None:
            logger.info("%s is renewed (process %s)", self.worker.order.name, self.worker.pid)
            self._successor = self._make()

    def reap(self) -> list[WorkerProcess]:
        """Those that left and are gone since the last time."""
        gone = [member for member in self._leaving if member.is_gone]
        self._leaving = [member for member in self._leaving if member not in gone]
        for member in gone:
            member.bury()
        return gone

    def close(self) -> None:
        """Have all members end, and none follow."""
        self._leaving = list(self.members())
        self.worker = self._successor = None
        for member in self._leaving:
            member.end()

    def _make(self) -> WorkerProcess:
        taken = {member.order.copy for member in self.members()}
        copy = next(number for number in count() if number not in taken)
        return self._start(self._listener, copy, not self._has_served)

    def _succeed(self) -> None:
        successor = self._successor
        if successor is None:
            return
        if successor.is_gone:
            reason = successor.failed.error if successor.failed and successor.failed.error else "the log may tell why"
            logger.error("%s: its successor could not be started (%s); it stays", successor.order.name, reason)
            self._successor = None
            self._leaving.append(successor)
            self.renewal_failed = True
        elif successor.ready:
            self._successor = None
            self._leave()
            self.worker = successor

    def _replace(self) -> None:
        worker = self.worker
        if worker is not None and (worker.is_gone or worker.lost):
            self._note(worker)
            self._leave()
            self.worker = self._successor  # one that is on its way anyhow need not be started twice
            self._successor = None
        if self.worker is None and self.exhausted is None and time.monotonic() >= self._retry_at:
            self.worker = self._make()

    def _leave(self) -> None:
        if self.worker is not None:
            self.worker.retire()
            self._leaving.append(self.worker)
            self.worker = None

    def _note(self, worker: WorkerProcess) -> None:
        """Log and count a death, and decide when there may be another worker, if ever."""
        worker.look()  # its last word may have come since
        self._deaths = 1 if worker.ready and worker.age > STEADY else self._deaths + 1
        if self._deaths >= TRIES or (worker.failed and not self._has_served):
            self.exhausted = worker
            return
        what = f"died (exit code {worker.exit_code})" if worker.is_gone else f"is stuck: {worker.lost}"
        logger.error("%s %s; it is replaced (process %s)", worker.order.name, what, worker.pid)
        self._on_replaced("died" if worker.is_gone else "stuck")
        pause = _FIRST_PAUSE * 2 ** (self._deaths - 2) if self._deaths > 1 else 0.0
        self._retry_at = time.monotonic() + pause
