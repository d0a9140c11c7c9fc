"""The engine of a front process: networks that a device process runs, one for all fronts, with all their batches."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from vultus.errors import NotReady, VultusError
from vultus.runtime.channel import Channel, connect
from vultus.runtime.link import DeviceGone, Link, Loaded, Wanted
from vultus.runtime.network import Counts, Network, NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

_GREETING = 60.0
"""Seconds a front waits at its start until a device process tells what it is."""

TRIES = 3
"""Device processes that may end while a network is being loaded: loading it may be what ends them."""

_PAUSE = 0.5  # seconds between two tries where nobody will ever accept a connection: the server is ending

logger = logging.getLogger(__name__)


class RemoteNetwork:
    """A network in the device process; made by ``RemoteRuntime.load``."""

    def __init__(self, wanted: Wanted, loaded: Loaded, link: Callable[[], Link]) -> None:
        self.spec = NetworkSpec(wanted.name, wanted.input, loaded.outputs)
        self._number = wanted.number
        self._shapes = loaded.shapes
        self._link = link

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol.

        Raises:
            EngineError: The device failed on a batch with these rows.
            DeviceGone: The device process is not there, or ended meanwhile.
        """
        ticket.check()
        if not len(batch):
            raise ValueError("a batch has one row at least")
        return self._link().run(self._number, self._shapes, batch, ticket)


class RemoteRuntime:
    """Stands for the engine of the device process. When that is replaced, its networks are loaded in the next one.

    Args:
        place: Where the device process takes connections, whichever it is.
        on_lost: Told that the device process has gone; what is run until the next one is there fails at once.
        on_found: Told that the next one is there, and has all networks.

    Raises:
        DeviceGone: None is there within a minute.
    """

    counts: Counts | None = None  # the device process counts

    def __init__(
        self, place: Path, on_lost: Callable[[], None] = lambda: None, on_found: Callable[[], None] = lambda: None
    ) -> None:
        self._place = place
        self._on_lost = on_lost
        self._on_found = on_found
        self._wanted: list[Wanted] = []
        self._made = 0
        self._lost = 0  # device processes so far
        self._news = threading.Condition()
        self._link: Link | None = None
        self._channel: Channel | None = None
        self._is_closed = threading.Event()
        self._families: Collection[str] | None = None
        self._thread = threading.Thread(target=self._keep, name="vultus-device-link", daemon=True)
        self._thread.start()
        try:
            self._await_link(_GREETING)
        except BaseException:
            self.close()
            raise

    @property
    def families(self) -> Collection[str] | None:
        """Those that the engine of the device process runs."""
        return self._families

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        """See ``Runtime.load``: the device process loads it once for all fronts. Should it end, the next one does.

        Raises:
            DeviceGone: So did the next ones, ``TRIES`` in all.
            NotReady: The runtime has been closed.
        """
        with self._news:
            self._made += 1
            wanted = Wanted(self._made, model.name, path, spec)
            self._wanted.append(wanted)
            last = self._lost + TRIES
        try:
            while True:
                try:
                    return RemoteNetwork(wanted, self._await_link(None, last).load(wanted), self._find_link)
                except DeviceGone:
                    if self._lost >= last:
                        raise
        except BaseException:
            with self._news:
                self._wanted.remove(wanted)
            raise

    def close(self) -> None:
        """End the connection; networks can be run no more."""
        self._is_closed.set()
        with self._news:
            channel = self._channel
            self._news.notify_all()
        if channel is not None:
            channel.shut()
        self._thread.join()

    def _find_link(self) -> Link:
        link = self._link
        if link is None:
            raise DeviceGone.now()
        return link

    def _await_link(self, seconds: float | None, last: float = math.inf) -> Link:
        """The connection, once there is one, unless meanwhile as many as ``last`` have ended."""

        def is_news() -> bool:
            return self._link is not None or self._is_closed.is_set() or self._lost >= last

        with self._news:
            self._news.wait_for(is_news, seconds)
            if self._is_closed.is_set():
                raise NotReady("the engine has been closed")
            return self._find_link()

    def _keep(self) -> None:
        """Connect to one device process after the other."""
        is_first = True
        while (link := self._connect()) is not None:
            self._bring_up(link)
            with self._news:
                self._link = link
                self._news.notify_all()
            if not is_first:
                self._on_found()
                logger.info("the device process is there again")
            is_first = False
            link.join()
            with self._news:
                self._link = None
                self._lost += 1
                self._news.notify_all()
            if not self._is_closed.is_set():
                self._on_lost()
                logger.warning("the device process is gone; waiting for the next one")

    def _connect(self) -> Link | None:
        """A connection to the next device process that greets; ``None``: the runtime has been closed."""
        while not self._is_closed.is_set():
            try:
                channel = connect(self._place)
            except OSError:
                self._is_closed.wait(_PAUSE)
                continue
            with self._news:
                self._channel = channel
            if self._is_closed.is_set():
                break
            greeting = channel.receive()
            if greeting is not None:
                self.name, self.device, self.precision, self.needs_files, self._families = greeting[0]
                return Link(channel)
        return None

    def _bring_up(self, link: Link) -> None:
        """Have the networks that the last device process had loaded by this one, too."""
        with self._news:
            wanted = list(self._wanted)
        for each in wanted:
            try:
                link.load(each)
            except DeviceGone:
                return
            except VultusError as error:  # whoever runs it is told the same; the self check replaces this process
                logger.error("%s could not be loaded again: %s", each.name, error)
