"""What orchestrators ask: does it live, can it work, what has it done."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from vultus.server import metrics, openapi, problems
from vultus.server.service import Service

_READY = {503: "`not_ready`: not yet, or no longer. `engine_failed`: the self check failed or is lost."}


def router(service: Service) -> APIRouter:
    """Routes ``/live``, ``/ready`` and ``/metrics``."""
    routes = APIRouter(tags=["service"])

    alive, well = openapi.record_of({"status": {"const": "alive"}}), openapi.record_of({"status": {"const": "ready"}})

    @routes.get("/live", summary="Whether the process answers", responses={200: openapi.answer(alive)})
    async def live() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    @routes.get(
        "/ready",
        summary="Whether a warm-up inference has passed, and the last self check too",
        responses={200: openapi.answer(well), **openapi.refusals((503,), openapi.PROBLEM, problems.MEDIA_TYPE, _READY)},
    )
    async def ready() -> Response:
        service.canary.check()
        return Response(b'{"status":"ready"}', media_type="application/json")

    @routes.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def exposition() -> Response:
        return Response(service.metrics.exposition(), media_type=metrics.MEDIA_TYPE)

    return routes
