"""Around every request: its id, its count, and the answer to what nobody expected."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vultus.memory import as_told
from vultus.server.metrics import Metrics
from vultus.server.record import recorded

REQUEST_ID = b"x-request-id"

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

logger = logging.getLogger(__name__)


class Access:
    """ASGI middleware: takes or gives a request id, measures, and turns an escaped exception into an answer.

    Args:
        app: The application within.
        metrics: Where requests are counted.
        render: Makes the answer to an exception.
        ending: Says whether the server is about to end: then no connection is kept.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        render: Callable[[Request, Exception], Response],
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._render = render
        self._ending = ending
        self._prefix = secrets.token_hex(
            8
        )  # of this process; asked for once, as the system's randomness takes its time
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or f"{self._prefix}{next(self._numbers):016x}".encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID, request_id)]
                if self._ending():
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        started = time.perf_counter()
        with self._metrics.in_flight.track_inprogress(), recorded(request_id.decode()):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:
                logger.exception("request %s failed unexpectedly", request_id.decode())
                if status:
                    raise
                await self._render(Request(scope), as_told(error))(scope, receive, send_with_id)
            finally:
                self._metrics.request(route_of(scope), status, time.perf_counter() - started)


def _given_id(scope: Scope) -> bytes | None:
    given = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
    return given if _ACCEPTABLE_ID.fullmatch(given) else None


def route_of(scope: Scope) -> str:
    """The route's pattern, never the path itself: a client must not be able to make up new time series."""
    return getattr(scope.get("route"), "path", "unmatched")
