"""Saying no while there is no room: what a flooded server does most often, so that it has to be cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vultus.errors import Overloaded


class Gate:
    """ASGI middleware: turns requests away that admission would refuse anyway, before anything else is done for them.

    Finding and calling a route takes several times as long as this, of which every request that is let in has less.

    Args:
        app: The application within.
        routes: What ``picture_routes`` found.
        check: Raises ``Overloaded`` while there is no room.
        render: Makes the answer to an exception.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Mapping[str, Route],
        check: Callable[[], None],
        render: Callable[[Request, Exception], Response],
    ) -> None:
        self._app = app
        self._routes = routes
        self._check = check
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is not None:
            try:
                self._check()
            except Overloaded as error:
                scope["route"] = route  # by which requests are counted
                await self._render(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def picture_routes(routes: Iterable[BaseRoute]) -> dict[str, Route]:
    """The routes that take pictures, by path: all to which something can be posted."""
    return {route.path: route for route in routes if isinstance(route, Route) and "POST" in (route.methods or ())}
