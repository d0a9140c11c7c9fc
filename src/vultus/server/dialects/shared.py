"""Paths that more than one dialect has, and whose answer satisfies the clients of each."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from vultus.errors import VultusError
from vultus.server.service import Service
from vultus.server.wire import JSON

HEALTH = "/health"

SHARED = frozenset({HEALTH})
"""All of them; every other path belongs to one dialect."""


def add_health(routes: APIRouter, service: Service) -> None:
    """Add ``/health``: ``{"status": "ok"}``, as all of them say it, or 500 in InsightFace-REST's words."""

    @routes.get(HEALTH, summary="How the last self check ended", responses={500: {"description": "It failed."}})
    async def health() -> Response:
        try:
            service.canary.check()
        except VultusError as error:
            raise HTTPException(500, "self check failed") from error
        return Response(b'{"status":"ok"}', media_type=JSON)
