"""The device process's engine: one for the calls of all front processes, so that their batches meet."""

from __future__ import annotations

import logging
import select
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from vultus.runtime.batching import BatchingRuntime
from vultus.runtime.blocks import Shapes
from vultus.runtime.channel import Channel
from vultus.runtime.front import Front, Served
from vultus.runtime.ticket import Ticket
from vultus.types import InputSpec
from vultus.zoo.catalogue import Catalogue

STUCK = 30.0
"""Seconds after which a batch that is still being computed never will be."""

_PAUSE = 0.5  # seconds until a front is accepted after one could not be: descriptors may be free again

logger = logging.getLogger(__name__)


class Loader:
    """Loads each network once, whichever fronts ask for it.

    Args:
        runtime: The engine.
        catalogue: Which networks exist.
    """

    def __init__(self, runtime: BatchingRuntime, catalogue: Catalogue) -> None:
        self._runtime = runtime
        self._catalogue = catalogue
        self._served: dict[tuple[str, str, InputSpec], Served] = {}
        self._thread = ThreadPoolExecutor(1, "vultus-device-loader")

    def load(self, name: str, path: str, spec: InputSpec) -> Future[Served]:
        """Load a network, unless it is there; one after the other."""
        return self._thread.submit(self._load, name, path, spec)

    def close(self) -> None:
        """Load nothing more."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self, name: str, path: str, spec: InputSpec) -> Served:
        key = (name, path, spec)
        if key not in self._served:
            network = self._runtime.load(self._catalogue.model(name), Path(path), spec)
            black = np.zeros((1, spec.height, spec.width, 3), np.uint8)
            outputs = tuple((output.shape[1:], output.dtype.str) for output in network.run(black, Ticket()))
            self._served[key] = Served(network, Shapes(black.shape[1:], outputs))
        return self._served[key]


class DeviceServer:
    """Serves an engine to front processes.

    Args:
        runtime: The engine; closed by who made it.
        catalogue: Which networks exist.
        listener: Where fronts connect; it stays open for the next device process.
    """

    def __init__(self, runtime: BatchingRuntime, catalogue: Catalogue, listener: socket.socket) -> None:
        families = None if runtime.families is None else list(runtime.families)
        self._greeting = (runtime.name, runtime.device, runtime.precision, runtime.needs_files, families)
        self._runtime = runtime
        self._loader = Loader(runtime, catalogue)
        self._listener = listener
        self._news = threading.Condition()
        self._fronts: set[Front] = set()
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="vultus-device-fronts", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> str | None:
        """Why the device can be used no more; ``None``: it can."""
        if self._runtime.batcher.computing_for > STUCK:
            return f"a batch has not been computed within {STUCK:g} seconds"
        if (error := self._runtime.batcher.broken) is not None:
            return f"it computes nothing any more: {error}"
        if not self._thread.is_alive():
            return "no front process can connect any more; the log tells why"
        return None

    def wait_deserted(self, seconds: float) -> bool:
        """Whether no front is there any more, at the latest after so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: not self._fronts, seconds)

    def close(self) -> None:
        """Take no more fronts, and end those that are there."""
        self._end.close()
        self._thread.join()
        self._ending.close()
        with self._news:
            fronts = list(self._fronts)
        for front in fronts:
            front.cut()
        self._loader.close()

    def _accept(self) -> None:
        end_alone, poll = select.poll(), select.poll()
        end_alone.register(self._ending, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        poll.register(self._ending, select.POLLIN)
        while all(descriptor != self._ending.fileno() for descriptor, _ in poll.poll()):
            try:
                end, _ = self._listener.accept()
            except OSError as error:
                logger.error("a front process could not be connected: %s", error)
                end_alone.poll(1000 * _PAUSE)
                continue
            with self._news:
                self._fronts.add(Front(Channel(end), self._greeting, self._loader.load, self._forget))

    def _forget(self, front: Front) -> None:
        with self._news:
            self._fronts.discard(front)
            self._news.notify_all()
