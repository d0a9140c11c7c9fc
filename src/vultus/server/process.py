"""A worker process as its supervisor sees it: started, heard, ended."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from socket import socket

from vultus.server.worker import Beat, Failed, Order, work

SILENCE = 30.0
"""Seconds without a beat after which an event loop counts as stuck; it beats every second."""

PATIENCE = 20.0
"""Seconds a worker has to end in, beside ``drain_timeout``, before it is killed."""

_KEPT_FROM_WORKERS = (
    signal.SIGINT,
    signal.SIGHUP,
)  # a terminal sends them to all; what they mean the supervisor decides


class WorkerProcess:
    """A spawned worker.

    Args:
        order: What it is to be.
        listener: Where it takes connections.

    Attributes:
        order: As given.
        ready: Whether its engine can be used.
        lost: Why it has to be replaced though it lives; ``None``: it works.
        failed: Its last word, where it said that it has no engine.
    """

    def __init__(self, order: Order, listener: socket) -> None:
        self.order = order
        self.ready = False
        self.lost: str | None = None
        self.failed: Failed | None = None
        self._kill_at: float | None = None
        spawn = get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=work, args=(order, listener, theirs), name=order.name)
        with _kept_from_workers():
            self._process.start()
        theirs.close()
        self._started = self._last_beat = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return not self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """As ``subprocess`` has it: that of a killed process is the signal's number, negative."""
        return self._process.exitcode

    @property
    def wakers(self) -> list[Connection | int]:
        """What becomes readable when there is news of it."""
        return [self._process.sentinel] if self._line.closed else [self._line, self._process.sentinel]

    def look(self) -> None:
        """Take in what it has said; kill it if it was to be gone by now."""
        with contextlib.suppress(EOFError, OSError):
            while not self._line.closed and self._line.poll():
                self._hear(self._receive())
        if self.ready and time.monotonic() - self._last_beat > SILENCE:
            self.lost = f"its event loop has not turned for {SILENCE:g} seconds"
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()

    def end(self) -> None:
        """Ask it to finish what is under way and end, as a whole server does: new requests are refused."""
        if self._has_to_go():
            self._process.terminate()

    def retire(self) -> None:
        """Ask it to take no more connections, finish what is under way, and end: others are there for what is new."""
        if self._has_to_go():
            with contextlib.suppress(OSError):
                self._line.send(None)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def bury(self) -> None:
        """Let go of what is left of a process that is gone."""
        self._line.close()
        self._process.join()

    def _has_to_go(self) -> bool:
        """Begin to lose patience, once. Whether it has to be asked: one that took no connection is killed."""
        if self._kill_at is not None:
            return False
        self._kill_at = time.monotonic() + self.order.settings.drain_timeout + PATIENCE
        took_connections = self.ready or self.order.is_first
        if not took_connections:
            self.kill()
        return took_connections

    def _receive(self) -> Beat | Failed:
        try:
            report: Beat | Failed = self._line.recv()
        except (EOFError, OSError):
            self._line.close()
            raise
        return report

    def _hear(self, report: Beat | Failed) -> None:
        if isinstance(report, Failed):
            self.failed = report
            return
        self._last_beat = time.monotonic()
        self.ready = self.ready or report.ready
        self.lost = report.lost


@contextlib.contextmanager
def _kept_from_workers() -> Iterator[None]:
    """Workers are born with these signals blocked: there is no moment at which one could end them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT_FROM_WORKERS)
    try:
        resource_tracker.ensure_running()  # which unblocks signals when it starts, as a first process would make it do
        signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT_FROM_WORKERS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
