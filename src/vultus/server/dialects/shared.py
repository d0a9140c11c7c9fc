"""What more than one dialect has: paths whose answer satisfies the clients of each, InsightFace's ways, a rule."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.errors import CorruptPicture, EmptyPicture, UnsupportedFormat, VultusError
from vultus.server.dialects.schemas import HEALTH as HEALTH_ANSWERS
from vultus.server.service import Service
from vultus.server.wire import JSON
from vultus.types import Profile

NOT_A_PICTURE = (UnsupportedFormat, CorruptPicture, EmptyPicture)
"""Errors of bytes that are no picture, which the services have one phrase for."""

_SIDE = 640  # pixels of InsightFace's detector input
_THRESHOLD = 0.5

HEALTH = "/health"

SHARED = frozenset({HEALTH})
"""All of them; every other path belongs to one dialect."""


def insightface_profile(engine: FaceEngine, name: str) -> Profile:
    """InsightFace's own detector input and thresholds, whatever the settings say."""
    used = engine.default_profile
    canvas = replace(used.canvas, width=_SIDE, height=_SIDE)
    overlap = engine.model(used.detector).nms_threshold
    return replace(used, name=name, canvas=canvas, second_canvas=None, threshold=_THRESHOLD, nms_threshold=overlap)


def add_health(routes: APIRouter, service: Service) -> None:
    """Add ``/health``: ``{"status": "ok"}``, as all of them say it, or 500 in InsightFace-REST's words."""

    @routes.get(HEALTH, summary="How the last self check ended", responses=HEALTH_ANSWERS)
    async def health() -> Response:
        try:
            service.canary.check()
        except VultusError as error:
            raise HTTPException(500, "self check failed") from error
        return Response(b'{"status":"ok"}', media_type=JSON)
