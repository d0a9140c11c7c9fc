"""The server as several processes: one that holds the address and the others' lives, and workers that answer."""

from __future__ import annotations

import contextlib
import logging
import math
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from vultus.errors import EngineError
from vultus.runtime import channel
from vultus.runtime.choose import is_accelerator
from vultus.runtime.cores import share_of_cores
from vultus.server import shared_metrics
from vultus.server.device import DeviceOrder
from vultus.server.exposure import warn_if_exposed
from vultus.server.listening import greet, listen_shared
from vultus.server.logs import log_to_stderr
from vultus.server.process import DeviceProcess, WorkerProcess
from vultus.server.signals import ignore_late
from vultus.server.slot import TRIES, Slot
from vultus.server.worker import Order
from vultus.settings import Settings

_TICK = 0.5  # seconds between two looks at what no event announces: silence, and patience that has run out
_SHARED = ("max_queued_pictures", "max_inflight_bytes", "max_inflight_pixels")  # limits of the server as a whole
_DEVICE = "device"  # in the folder of the figures, which is this user's alone: where workers reach the device process
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve from ``settings.workers`` processes until asked to end (SIGINT, SIGTERM); then finish what is under way.

    SIGHUP replaces the workers one by one, each when its successor is ready. A second SIGINT or SIGTERM ends all at
    once.

    Returns:
        Exit code: 0 after a request to end, 1 where a bug prevented the start; the log has its trace.

    Raises:
        AddressUnavailable: The host and port cannot be listened on.
        VultusError: What else prevented the start, or ended the workers again and again; it is not logged.
    """
    log_to_stderr(settings.log_level, "supervisor", settings.log_format)
    for remark in settings.remarks:
        logger.warning("%s", remark)
    with contextlib.ExitStack() as stack:
        # Until the end: a worker that has closed its copy, or died, takes no waiting connection with it.
        listeners = listen_shared(settings.host, settings.port, settings.workers)
        for listener in listeners:
            stack.enter_context(listener)
        warn_if_exposed(settings, listeners[0])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vultus-metrics-")))
        supervisor = Supervisor(settings, listeners, folder)
        if is_accelerator(settings):
            supervisor.put_before(stack.enter_context(channel.listen(folder / _DEVICE)))
        ignore_late()
        return supervisor.run()


def share_of(settings: Settings, index: int) -> Settings:
    """The settings of one worker: an equal share of what is meant for all, and of the cores unless told ``streams``."""
    shares = {name: math.ceil(getattr(settings, name) / settings.workers) for name in _SHARED}
    return settings.model_copy(
        update={**shares, "streams": settings.streams or share_of_cores(index, settings.workers)}
    )


class Supervisor:
    """Keeps the workers of a server alive. It imports no engine: what may crash or leak is in the workers.

    Args:
        settings: The server's.
        listeners: One for each worker.
        folder: For the figures of all.
    """

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket], folder: Path) -> None:
        self._settings = settings
        self._listeners = listeners
        self._folder = folder
        shared_metrics.share(folder, "supervisor")
        registry = CollectorRegistry()
        self._replaced = Counter(
            "vultus_workers_replaced", "Workers that died or were stuck.", ("reason",), registry=registry
        )
        self._devices_replaced = Counter(
            "vultus_devices_replaced", "Device processes that died or were stuck.", ("reason",), registry=registry
        )
        self._ready = Gauge("vultus_workers", "Workers that are ready.", registry=registry, multiprocess_mode="max")
        self._device_listener: socket.socket | None = None
        self._device: Slot | None = None
        self._slots: list[Slot] = []
        self._to_renew: list[Slot] = []
        self._renewing = False
        self._all_ready = False
        self._greeted = False
        self._ending = False
        self._culprit: WorkerProcess | None = None

    def put_before(self, listener: socket.socket) -> None:
        """Start a device process first, which the workers then share.

        Args:
            listener: Where workers reach it, and the next one should it die; at ``_DEVICE`` in the folder.
        """
        self._device_listener = listener

    def run(self) -> int:
        """Serve until asked to end; see ``serve``."""
        with _signals_readable() as signals:
            try:
                self._begin()
                while not self._ending or any(self._members()):
                    wait([signals, *(waker for member in self._members() for waker in member.wakers)], _TICK)
                    self._obey(signals)
                    self._look()
            finally:
                for member in self._members():
                    member.kill()
                    member.bury()
        return self._outcome()

    def _begin(self) -> None:
        """Start the device process, or, where there is none or it is ready, the workers."""
        if self._device_listener is not None and self._device is None:
            self._device = Slot(self._device_listener, self._start_device, self._count(self._devices_replaced))
        elif self._device is None or self._device.ready:
            for index, listener in enumerate(self._listeners):
                self._slots.append(Slot(listener, partial(self._start, index), self._count(self._replaced)))

    def _start(self, index: int, listener: socket.socket, copy: int, is_first: bool) -> WorkerProcess:
        device = None if self._device is None else self._folder / _DEVICE
        order = Order(share_of(self._settings, index), index, copy, self._folder, is_first, device)
        return WorkerProcess(order, listener)

    def _start_device(self, listener: socket.socket, copy: int, is_first: bool) -> WorkerProcess:
        return DeviceProcess(DeviceOrder(self._settings, 0, copy, self._folder, is_first), listener)

    def _places(self) -> list[Slot]:
        """All places, the device's first."""
        return [*([self._device] if self._device else []), *self._slots]

    def _members(self) -> Iterator[WorkerProcess]:
        for slot in self._places():
            yield from slot.members()

    @staticmethod
    def _count(counter: Counter) -> Callable[[str], None]:
        return lambda reason: counter.labels(reason).inc()

    def _obey(self, signals: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in signals.recv(64):
                if number == signal.SIGHUP:
                    self._to_renew += [slot for slot in self._slots if slot not in self._to_renew]
                elif self._ending:
                    for member in self._members():
                        member.kill()
                else:
                    self._end()

    def _look(self) -> None:
        for slot in self._places():
            if self._ending:
                for member in slot.members():
                    member.look()
            else:
                slot.look()
            for gone in slot.reap():
                shared_metrics.forget(self._folder, gone.order.identity)
            if slot.exhausted and not self._ending:
                self._culprit = slot.exhausted
                self._end()
        if self._ending:
            if self._device and not any(member for slot in self._slots for member in slot.members()):
                self._device.close()
            return
        if not self._slots:
            self._begin()
        self._announce()
        self._renew()

    def _announce(self) -> None:
        ready = sum(slot.ready for slot in self._slots)
        self._ready.set(ready)
        had_been, self._all_ready = self._all_ready, ready == self._settings.workers
        if self._all_ready and not had_been:
            if not self._greeted:
                greet(self._settings.host, self._listeners[0], is_secure=self._settings.tls_cert is not None)
            self._greeted = True
            logger.info("ready: %d workers", ready)

    def _renew(self) -> None:
        for slot in self._slots:
            if slot.renewal_failed:
                slot.renewal_failed = False
                self._to_renew.clear()
        if any(not slot.ready or slot.succession for slot in self._slots):
            return
        if self._to_renew:
            self._renewing = True
            self._to_renew.pop(0).renew()
        elif self._renewing:
            self._renewing = False
            logger.info("renewed: all workers that could be")

    def _end(self) -> None:
        self._ending = True
        for slot in self._slots:  # the device process follows when they are gone: they need it for what is under way
            slot.close()

    def _outcome(self) -> int:
        if self._culprit is None:
            return 0
        failed = self._culprit.failed
        if failed is None:
            raise EngineError(
                f"{self._culprit.order.name} died {TRIES} times at its start (exit code {self._culprit.exit_code}); "
                "the log may tell why, and memory may be short"
            )
        if failed.error is not None:
            raise failed.error
        return 1


@contextlib.contextmanager
def _signals_readable() -> Iterator[socket.socket]:
    """A socket from which the numbers of the signals that arrive can be read."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        before = signal.set_wakeup_fd(writer.fileno())
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
