"""Routes whose endpoints read their requests themselves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class PlainRoute(APIRoute):
    """A route that just calls its endpoint, where that takes the request and nothing else, and returns the answer.

    FastAPI would look for parameters to read and to check, of which there are none, at every request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI, "Custom Request and APIRoute class"."""
        if list(signature(self.endpoint).parameters) == ["request"] and not self.dependencies:
            return self.endpoint
        return super().get_route_handler()
