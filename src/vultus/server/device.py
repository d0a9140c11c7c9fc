"""The device process: the engine on an accelerator that the fronts of a server share, and a line to the supervisor."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from multiprocessing.connection import Connection
from socket import socket

from vultus.server import shared_metrics
from vultus.server.logs import log_to_stderr
from vultus.server.worker import Beat, Order, started, tell

_BEAT = 1.0  # seconds from one report to the next

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceOrder(Order):
    """What the device process is to be: its settings are the server's."""

    @property
    def name(self) -> str:
        """Name for people."""
        return "device"

    @property
    def identity(self) -> str:
        """Name for its figures."""
        return f"device-{self.copy}"


def work(order: Order, listener: socket, line: Connection) -> None:
    """Compute for the fronts until told to end, or the supervisor is gone, and the last front has left.

    Runs in a process of its own.
    """
    log_to_stderr(order.settings.log_level, order.name, order.settings.log_format)
    shared_metrics.share(order.metrics, order.identity)
    # Here, because the supervisor imports this module too, and is to load no engines.
    from vultus.runtime.choose import open_accelerator
    from vultus.runtime.device import DeviceServer
    from vultus.server.metrics import Metrics
    from vultus.zoo.own import open_catalogue

    opened = started(line, lambda: (open_catalogue(order.settings), open_accelerator(order.settings)))
    if opened is None:
        return
    catalogue, runtime = opened
    metrics = Metrics(lambda: 0, lambda: True, lambda: runtime.counts)
    server = DeviceServer(runtime, catalogue, listener)
    logger.info("ready: %s on %s, %s (process %s)", runtime.name, runtime.device, runtime.precision, os.getpid())
    is_leaving = False
    while not (is_leaving and server.wait_deserted(_BEAT)):
        metrics.look()
        tell(line, Beat(ready=True, lost=server.lost))
        is_leaving = is_leaving or _is_told(line)
    metrics.look()
    server.close()
    runtime.close()


def _is_told(line: Connection) -> bool:
    """Whether the supervisor says, within a beat, that it is time to end, which is all it ever says, or is gone."""
    with contextlib.suppress(OSError, EOFError):
        if not line.poll(_BEAT):
            return False
        line.recv()
    return True
