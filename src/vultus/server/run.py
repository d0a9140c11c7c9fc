"""The server as a process: socket, log, signals, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vultus.engine import FaceEngine
from vultus.errors import SelfCheckFailed, VultusError
from vultus.profiles import models_of
from vultus.server import watchdog
from vultus.server.app import create_app
from vultus.server.arenas import share_arenas
from vultus.server.departure import Departure
from vultus.server.exposure import warn_if_exposed
from vultus.server.garbage import spare_residents
from vultus.server.listening import BACKLOG, greet, listen
from vultus.server.logs import log_to_stderr
from vultus.server.protocol import ConnectionLimits, GuardedProtocol
from vultus.server.retirement import RetiringServer
from vultus.server.service import Service
from vultus.server.signals import ignore_late
from vultus.server.tls import server_context
from vultus.server.watchdog import Watchdog
from vultus.settings import Settings

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve in this process until asked to end (SIGINT, SIGTERM), then finish what is under way.

    Returns:
        Exit code: 0 after a request to end, 1 where a bug prevented the start; the log has its trace.

    Raises:
        AddressUnavailable: The host and port cannot be listened on.
        SelfCheckFailed: The engine was stuck for ``stuck_timeout`` seconds.
        VultusError: What else prevented the start; it is not logged.
    """
    log_to_stderr(settings.log_level, form=settings.log_format)
    for remark in settings.remarks:
        logger.warning("%s", remark)

    async def beat() -> None:
        await watch.beat()

    host = Host(settings, announce_ready, beat if settings.stuck_timeout else None)
    watch = Watchdog(host.service.canary, settings.stuck_timeout, host.fail)
    with listen(settings.host, settings.port) as listener:
        warn_if_exposed(settings, listener)
        greet(settings.host, listener, is_secure=settings.tls_cert is not None)
        host.run(listener)
    watchdog.disarm()
    if isinstance(host.failure, SelfCheckFailed):
        watchdog.leave_at_once()
    if isinstance(host.failure, VultusError):
        raise host.failure
    return 1 if host.failure else 0


class Host:
    """An application and the loop that serves it.

    Args:
        settings: The application's.
        on_ready: Told the engine once it can be used.
        on_beat: Called every second on the event loop while requests are taken.
        patient: Take no connection before the engine can be used; they wait in the listener's queue.
        engine_factory: Makes the application's engine; ``None``: as the settings say.

    Attributes:
        service: What the application's routes share.
        failure: Why there is no engine, or why the server ended without being asked to.

    Raises:
        SettingsError: A setting names something that does not exist or cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[FaceEngine], None],
        on_beat: Callable[[], Awaitable[None]] | None = None,
        *,
        patient: bool = False,
        engine_factory: Callable[[Settings], FaceEngine] | None = None,
    ) -> None:
        share_arenas()  # before there are threads
        self.failure: BaseException | None = None
        self._on_ready = on_ready
        self._settled = threading.Event()  # there is an engine, or there will be none
        app = create_app(settings, engine_factory, on_ready=self._begin, on_failure=self._give_up)
        self.service: Service = app.state.service
        context = server_context(settings)
        config = uvicorn.Config(
            self._after_start(app) if patient else app,
            http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, ConnectionLimits.of(settings))),
            loop="auto",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            callback_notify=on_beat,
            timeout_notify=1,
            ssl_context_factory=(lambda *_: context) if context else None,
            timeout_keep_alive=settings.keep_alive_timeout,
        )
        departure = Departure(self.service.lifecycle, self.service.admission, settings.drain_timeout)
        self._server = RetiringServer(config, departure)

    def run(self, listener: socket.socket) -> None:
        """Serve until asked to end or the engine has failed to start."""
        ignore_late()
        with contextlib.suppress(SystemExit):  # so uvicorn ends where an application does not start
            self._server.run(sockets=[listener])

    def retire(self) -> None:
        """Finish what is under way and end, leaving what is new to others; from any thread."""
        self._server.retire()
        self._settled.set()

    def fail(self, error: VultusError) -> None:
        """Answer at once who waits, that it was in vain, and end."""
        self.failure = error
        self._server.departure.begin(patience=0.0)

    def _begin(self, engine: FaceEngine) -> None:
        spare_residents()
        self._settled.set()
        self._on_ready(engine)

    def _give_up(self, error: BaseException) -> None:
        self.failure = error
        self._server.should_exit = True  # nothing can be under way
        self._settled.set()

    def _after_start(self, app: ASGIApp) -> ASGIApp:
        """The application, said to have started only once its engine has: uvicorn takes no connection before."""

        async def serve_late(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_late(message: Message) -> None:
                if message["type"] == "lifespan.startup.complete":
                    await asyncio.to_thread(self._settled.wait)
                    if self._server.should_exit:
                        message = {"type": "lifespan.startup.failed", "message": ""}
                await send(message)

            await app(scope, receive, send_late if scope["type"] == "lifespan" else send)

        return serve_late


def announce_ready(engine: FaceEngine) -> None:
    """Log what computes, and under which licences."""
    logger.info("ready: %s on %s, %s", engine.runtime.name, engine.runtime.device, engine.runtime.precision)
    use = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}
    for model in models_of([engine.default_profile], engine.catalogue):
        logger.log(
            logging.INFO if model.commercial_use else logging.WARNING,
            "network %s: computed in %s; licence %s; %s",
            model.name,
            engine.precision(model.name),
            model.licence,
            use[model.commercial_use],
        )
