"""A worker process as its supervisor sees it: started, heard, ended."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from socket import socket
from typing import ClassVar, TypeAlias

from vultus.server import device
from vultus.server.worker import Beat, Failed, Order, work

Target: TypeAlias = Callable[[Order, socket, Connection], None]

SILENCE = 30.0
"""Seconds without a beat after which a process counts as stuck; it beats every second."""

PATIENCE = 20.0
"""Seconds a worker has to end in, beside ``drain_timeout``, before it is killed."""


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

    _deaf_to: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGHUP)
    """A terminal sends them to all; what they mean the supervisor decides."""

    def __init__(self, order: Order, listener: socket) -> None:
        self.order = order
        self.ready = False
        self.lost: str | None = None
        self.failed: Failed | None = None
        self._kill_at: float | None = None
        spawn = get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=self._target, args=(order, listener, theirs), name=order.name)
        with _blocked(self._deaf_to):
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
            self.lost = f"it has not given a sign of life for {SILENCE:g} seconds"
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()

    def end(self) -> None:
        """Ask it to finish what is under way and end, as a whole server does: new requests are refused."""
        if self._has_to_go():
            self._process.terminate()

    def retire(self) -> None:
        """Ask it to take no more connections, finish what is under way, and end: others are there for what is new."""
        if self._has_to_go():
            self._tell_to_leave()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def bury(self) -> None:
        """Let go of what is left of a process that is gone."""
        self._line.close()
        self._process.join()

    @property
    def _target(self) -> Target:
        """What runs in the process."""
        return work

    def _tell_to_leave(self) -> None:
        with contextlib.suppress(OSError):
            self._line.send(None)

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


class DeviceProcess(WorkerProcess):
    """The process that has the accelerator. Fronts need it to finish what is under way, so it obeys no signal."""

    _deaf_to = (*WorkerProcess._deaf_to, signal.SIGTERM)

    @property
    def _target(self) -> Target:
        return device.work

    def end(self) -> None:
        """Ask it to end; it does once no front is connected any more."""
        if self._has_to_go():
            self._tell_to_leave()

    def retire(self) -> None:
        """End it at once: it is stuck, and the next one wants the device's memory."""
        self.kill()


@contextlib.contextmanager
def _blocked(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Processes are born with these signals blocked: there is no moment at which one could end them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        resource_tracker.ensure_running()  # which unblocks signals when it starts, as a first process would make it do
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
