"""What orchestrators ask: does it live, can it work, what has it done."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from vultus.server import metrics
from vultus.server.service import Service


def router(service: Service) -> APIRouter:
    """Routes ``/live``, ``/ready`` and ``/metrics``."""
    routes = APIRouter(tags=["service"])

    @routes.get("/live", summary="Whether the process answers")
    async def live() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    @routes.get(
        "/ready",
        summary="Whether a warm-up inference has passed, and the last self check too",
        responses={
            503: {
                "description": "`not_ready`: not yet, or no longer. `engine_failed`: the self check failed or is lost."
            }
        },
    )
    async def ready() -> Response:
        service.canary.check()
        return Response(b'{"status":"ready"}', media_type="application/json")

    @routes.get("/metrics", summary="Figures for Prometheus")
    async def exposition() -> Response:
        return Response(service.metrics.exposition(), media_type=metrics.MEDIA_TYPE)

    return routes
