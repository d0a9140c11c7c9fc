"""One replica: a whole server but for its sockets, which are those of Ray's proxies."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vultus.engine import FaceEngine
from vultus.errors import NotReady
from vultus.server.app import create_app
from vultus.server.arenas import share_arenas
from vultus.server.garbage import spare_residents
from vultus.server.logs import log_to_stderr
from vultus.server.middleware import REQUEST_ID
from vultus.server.run import announce_ready
from vultus.server.service import Service
from vultus.settings import load_settings


class Replica:
    """What Ray Serve makes on a node, asks for its health, and hands requests to.

    It has the whole engine, so that a picture is not sent on from process to process. Ray routes to it only after
    ``check_health`` has returned for the first time, and closes it by the application's lifespan once all that it was
    handed is answered.

    Args:
        given: Settings by name; others are those of this node's environment.

    Raises:
        VultusError: The settings cannot be used.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        settings = load_settings(**given)
        log_to_stderr(settings.log_level, form=settings.log_format)
        share_arenas()
        self._settled = threading.Event()  # there is an engine, or there will be none
        self._failure: BaseException | None = None
        self._application = create_app(settings, on_ready=self._begin, on_failure=self._give_up)
        self._application.add_middleware(OneRequestId)
        self._service: Service = self._application.state.service

    def __serve_build_asgi_app__(self) -> FastAPI:  # Ray's name
        return self._application

    async def check_health(self) -> None:
        """Return if the engine works; the first time, once it has been built and warmed. Ray replaces what fails.

        Raises:
            VultusError: There is no engine, or the self check is lost.
        """
        await asyncio.to_thread(self._settled.wait)
        if self._failure is not None:
            raise self._failure
        with contextlib.suppress(NotReady):  # what it needs is away, and would be away for another replica too
            self._service.canary.check()

    def _begin(self, engine: FaceEngine) -> None:
        spare_residents()
        announce_ready(engine)
        self._settled.set()

    def _give_up(self, error: BaseException) -> None:
        self._failure = error
        self._settled.set()


class OneRequestId:
    """ASGI middleware: answers without the head's request id, for Ray's proxy puts the same one there.

    Args:
        app: The application within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def send_without(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [field for field in message.get("headers", ()) if field[0] != REQUEST_ID]
            await send(message)

        await self._app(scope, receive, send_without)
