"""OpenTelemetry traces, where they are wanted: FastAPI's span of each request, and below it one for each stage.

FastAPI makes the request's span and takes over the caller's (W3C Trace Context); here is where its spans go, and what
only Vultus knows. Names follow OpenTelemetry's conventions; what they have no name for begins with ``vultus.``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vultus import __version__
from vultus.errors import ExtraMissing
from vultus.server.record import Record, current
from vultus.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_UNTRACED = frozenset({"/live", "/ready", "/health", "/healthcheck", "/metrics"})
"""Paths that are asked every few seconds, and whose spans would bury all others."""

_NS = 1e9  # in a second


def open_provider(settings: Settings, environment: Mapping[str, str] = os.environ) -> TracerProvider | None:
    """What sends spans to the collector that is set, a batch every few seconds; ``None`` where none is.

    The library's own variables (``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS`` ...)
    count. To be shut down at the end, which sends what is left.

    Raises:
        ExtraMissing: There is a collector, but the extra ``otel`` is not installed.
    """
    endpoint = settings.otel_endpoint
    if endpoint is None and not any(environment.get(name) for name in _VARIABLES):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        where = "otel_endpoint" if endpoint else next(name for name in _VARIABLES if environment.get(name))
        raise ExtraMissing(
            f"{where} is set, and sending traces needs the extra otel: pip install 'vultus[otel]', or unset it"
        ) from error
    name = environment.get("OTEL_SERVICE_NAME") or "vultus"
    provider = TracerProvider(
        resource=Resource.create({"service.name": name, "service.version": __version__}), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces") if endpoint else OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def telemetry_of(provider: trace.TracerProvider | None) -> TelemetryConfig:
    """What FastAPI is to tell by itself: a span of each request that is no probe, and nothing of its own accord."""
    return {
        "tracer_provider": provider,
        "tracing": provider is not None,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": lambda scope: scope.get("path") in _UNTRACED,
    }


class StageSpans:
    """ASGI middleware: below the request's span one for each stage of each picture, as the stopwatch had them.

    They are made when the answer begins, for then the work is done and the request's span has not ended.

    Args:
        app: The application within.
        provider: Where spans go.
    """

    def __init__(self, app: ASGIApp, provider: trace.TracerProvider) -> None:
        self._app = app
        self._tracer = provider.get_tracer("vultus", __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and (record := current()):
                self._tell(record)
            await send(message)

        await self._app(scope, receive, tell if scope["type"] == "http" else send)

    def _tell(self, record: Record) -> None:
        span = trace.get_current_span()
        if not span.is_recording():
            return
        span.set_attributes(
            {"vultus.request_id": record.request_id, "vultus.pictures": record.pictures, "vultus.faces": record.faces}
        )
        for picture, began, stages in record.walks:
            start = began
            for stage, seconds in stages.items():
                attributes = {"vultus.picture": picture}
                child = self._tracer.start_span(stage, start_time=int(start * _NS), attributes=attributes)
                start += seconds
                child.end(int(start * _NS))
