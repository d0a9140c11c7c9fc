"""A line in the log for each request that was answered."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vultus.memory import as_told
from vultus.server.logs import FACTS
from vultus.server.middleware import route_of
from vultus.server.problems import status_of
from vultus.server.record import current

logger = logging.getLogger("vultus.access")

_MS = 1000.0  # in a second


class AccessLog:
    """ASGI middleware, to be put within ``Access``: logs method, route, status, time, pictures and faces.

    The route is its pattern, so that neither a path made up by a client nor a query ever gets into the log.

    Args:
        app: The application within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # answered by ``Access``
            status = status or status_of(as_told(error))
            raise
        finally:
            _tell(scope, status or int(HTTPStatus.INTERNAL_SERVER_ERROR), (time.perf_counter() - started) * _MS)


def _tell(scope: Scope, status: int, milliseconds: float) -> None:
    about = current()
    facts = {
        "method": scope["method"],
        "route": route_of(scope),
        "status": status,
        "milliseconds": round(milliseconds, 3),
        "pictures": about.pictures if about else 0,
        "faces": about.faces if about else 0,
    }
    logger.info(
        "%(method)s %(route)s %(status)d in %(milliseconds).1f ms, pictures: %(pictures)d, faces: %(faces)d",
        facts,
        extra={FACTS: facts},
    )
