"""A worker process: the same application as in a server of one process, and a line to its supervisor."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, TypeVar

from vultus.errors import NotReady, SelfCheckFailed, VultusError
from vultus.server import shared_metrics
from vultus.server.logs import log_to_stderr
from vultus.settings import Settings

if TYPE_CHECKING:
    from vultus.engine import FaceEngine
    from vultus.server.service import Service

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to be.

    Attributes:
        settings: The worker's own: its share of what belongs to all.
        index: Its place, from 0.
        copy: A number that nobody else in this place has; 0 unless somebody is still leaving.
        metrics: Folder of the figures.
        is_first: Whether nobody in this place was ever ready. Later ones take no connection before they are.
        device: Where the device process takes calls; ``None``: there is none, the worker computes by itself.
    """

    settings: Settings
    index: int
    copy: int
    metrics: Path
    is_first: bool
    device: Path | None = None

    @property
    def name(self) -> str:
        """Name for people."""
        return f"worker {self.index + 1}"

    @property
    def identity(self) -> str:
        """Name for its figures; see ``shared_metrics.share``."""
        return f"{self.index}-{self.copy}"


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker's event loop turns, or the loop of the device process does.

    Attributes:
        ready: Whether its engine can be used.
        lost: What is wrong with its self check, or with the device; ``None``: nothing.
    """

    ready: bool
    lost: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker has no engine.

    Attributes:
        error: Why; ``None``: a bug, which is in the log.
    """

    error: VultusError | None


def started(line: Connection, start: Callable[[], T]) -> T | None:
    """What a process is started with; ``None`` where it cannot be had, which the supervisor has then been told."""
    try:
        return start()
    except VultusError as error:
        tell(line, Failed(error))
    except Exception:
        logger.exception("cannot start")
        tell(line, Failed(None))
    return None


def work(order: Order, listener: socket, line: Connection) -> None:
    """Serve until asked to end (SIGTERM) or to retire, or the supervisor is gone. Runs in a process of its own."""
    log_to_stderr(order.settings.log_level, order.name, order.settings.log_format)
    shared_metrics.share(order.metrics, order.identity)
    # Here, because the supervisor imports this module too, and is to load neither engines nor image libraries.
    from vultus.server.outage import open_engine
    from vultus.server.run import Host, announce_ready

    async def beat() -> None:
        host.service.metrics.look()
        tell(line, _state_of(host.service))

    def make_engine(settings: Settings) -> FaceEngine:
        return open_engine(settings, host.service.outage, order.device)

    announces = order.is_first and order.index == 0
    made = started(
        line,
        lambda: Host(
            order.settings,
            announce_ready if announces else lambda _: None,
            beat,
            patient=not order.is_first,
            engine_factory=make_engine,
        ),
    )
    if made is None:
        return
    host = made
    threading.Thread(target=_await_leave, args=(line, host.retire), name="vultus-line", daemon=True).start()
    host.run(listener)
    match host.failure:
        case None:
            pass
        case NotReady():  # what it needs went away meanwhile: no reason why another should not be started
            logger.error("cannot start: %s", host.failure)
        case failure:
            tell(line, Failed(failure if isinstance(failure, VultusError) else None))


def _state_of(service: Service) -> Beat:
    try:
        service.canary.check()
    except NotReady:
        return Beat(ready=False, lost=None)
    except SelfCheckFailed as error:
        return Beat(ready=True, lost=error.message)
    return Beat(ready=True, lost=None)


def tell(line: Connection, report: Beat | Failed) -> None:
    """Say something to the supervisor."""
    with contextlib.suppress(OSError):  # a supervisor that is gone needs no report
        line.send(report)


def _await_leave(line: Connection, retire: Callable[[], None]) -> None:
    """Retire when the supervisor says so, which is all it ever says, or is gone."""
    with contextlib.suppress(OSError, EOFError):
        line.recv()
    retire()
