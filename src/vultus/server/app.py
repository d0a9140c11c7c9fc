"""The application: everything the server is made of, put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from vultus import __version__
from vultus.engine import FaceEngine
from vultus.errors import OutOfMemory, VultusError
from vultus.imaging.fetch import Fetcher
from vultus.runtime.ticket import Ticket
from vultus.server import health, problems, traces, v1
from vultus.server.access import Guard, Keyring, area_of, describe_keys
from vultus.server.access_log import AccessLog
from vultus.server.admission import Admission
from vultus.server.canary import Canary
from vultus.server.dialects import chosen, mount
from vultus.server.dialects.base import Dialect
from vultus.server.dialects.shared import SHARED
from vultus.server.gate import Gate, picture_routes
from vultus.server.lifecycle import Lifecycle
from vultus.server.metrics import Metrics
from vultus.server.middleware import REQUEST_ID, Access
from vultus.server.outage import open_engine
from vultus.server.service import Service
from vultus.settings import Settings, served
from vultus.settings.keys import needs_keys

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

_DESCRIPTION = "Finds faces, aligns them, turns them into embeddings and reads attributes."


def create_app(
    settings: Settings,
    engine_factory: Callable[[Settings], FaceEngine] | None = None,
    on_ready: Callable[[FaceEngine], None] = lambda _: None,
    on_failure: Callable[[BaseException], None] | None = None,
) -> FastAPI:
    """The application that serves ``settings``. Its engine starts with it and closes with it.

    Args:
        settings: Everything it needs to know.
        engine_factory: Makes the engine, on a thread beside the event loop; ``None``: as the settings say.
        on_ready: Told the engine, on that thread, once a warm-up inference has passed.
        on_failure: Told, on that thread, why there will be no engine; without it, that is logged.

    Raises:
        SettingsError: A dialect is named that does not exist, or the file with API keys cannot be used.
        ExtraMissing: Traces are wanted, and what sends them is not installed.
    """
    settings = served(settings)
    dialects = chosen(settings.dialects)

    def build() -> FaceEngine:
        make = engine_factory or partial(open_engine, outage=service.outage)
        engine = _warm(make(settings), dialects)
        admission.equip(engine.workers.count)
        canary.passed()
        return engine

    lifecycle = Lifecycle(build, on_ready, on_failure or _log_failure)
    canary = Canary(lambda: lifecycle.engine)
    metrics = Metrics(lambda: lifecycle.queue_length, lambda: canary.good, lambda: lifecycle.batching)
    admission = Admission(settings, metrics)
    service = Service(settings, lifecycle, metrics, Fetcher(settings), canary, admission)
    provider = traces.open_provider(settings)
    app = FastAPIOffline(
        title="Vultus",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan(service, provider),
        redoc_url=None,
        telemetry=traces.telemetry_of(provider),
    )
    app.state.service = service
    # Not included: an included router is matched as often as it has routes, which was much of what a refusal took.
    app.router.routes.extend(v1.router(service).routes)
    app.router.routes.extend(health.router(service).routes)
    owners = mount(app, dialects, service)
    render = _renderer(owners, dialects)
    app.add_exception_handler(VultusError, _handler(render))
    app.add_exception_handler(HTTPException, _handler(render))
    pictures = picture_routes(app.routes)
    app.router.routes.sort(key=lambda route: route not in pictures.values())  # they are tried one after the other
    app.add_middleware(Gate, routes=pictures, check=admission.check_room, render=render)
    if needs_keys(settings):
        _ask_for_keys(app, Keyring(settings, metrics), owners, render, metrics)
    if settings.cors_origins:
        _allow_origins(app, settings)
    if provider:
        app.add_middleware(traces.StageSpans, provider=provider)
    if settings.access_log:
        app.add_middleware(AccessLog)
    app.add_middleware(Access, metrics=metrics, render=render, ending=lambda: lifecycle.ending)
    return app


def _ask_for_keys(
    app: FastAPI,
    keyring: Keyring,
    owners: Mapping[str, Dialect],
    render: Callable[[Request, Exception], Response],
    metrics: Metrics,
) -> None:
    names = {path: dialect.name for path, dialect in owners.items() if path not in SHARED}
    app.add_middleware(
        Guard, keyring=keyring, area_of=lambda path: area_of(path, names), render=render, metrics=metrics
    )
    describe_keys(app)


def _allow_origins(app: FastAPI, settings: Settings) -> None:
    """Around the guard: a browser asks whether it may ask without a key, and reads refusals too."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=settings.cors_methods,
        allow_headers=settings.cors_headers,
        allow_credentials=settings.cors_cookies,
        expose_headers=[REQUEST_ID.decode(), "retry-after"],
    )


def _warm(engine: FaceEngine, dialects: tuple[Dialect, ...]) -> FaceEngine:
    try:
        engine.prepare(engine.default_profile, *(dialect.profile(engine) for dialect in dialects))
        for dialect in dialects:
            for remark in dialect.remarks(engine):
                logger.warning("%s: %s", dialect.name, remark)
        engine.submit(np.zeros((64, 64, 3), np.uint8), ticket=Ticket(is_hurried=False)).result()
    except BaseException:
        engine.close()
        raise
    return engine


def _log_failure(error: BaseException) -> None:
    if isinstance(error, VultusError):  # others are bugs, and logged where they are caught
        logger.error("cannot start: %s", error.message)


def _lifespan(
    service: Service, provider: TracerProvider | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - as FastAPI calls it
        service.lifecycle.start()
        watch = asyncio.create_task(service.canary.watch())
        try:
            yield
        finally:
            watch.cancel()
            await service.fetcher.aclose()
            await asyncio.to_thread(service.lifecycle.close)
            if provider:
                await asyncio.to_thread(provider.shutdown)

    return lifespan


def _renderer(owners: Mapping[str, Dialect], dialects: Sequence[Dialect]) -> Callable[[Request, Exception], Response]:
    """Renders errors as the owner of their path does; a path that nobody has is that of the only dialect there is."""
    sole = dialects[0] if len(dialects) == 1 else None

    def render(request: Request, error: Exception) -> Response:
        path = request.scope["path"]
        is_unknown = isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND
        owner = owners.get(path) or (sole if is_unknown and not path.startswith("/v1") else None)
        return owner.render(request, error) if owner else problems.render(request, error)

    return render


def _handler(
    render: Callable[[Request, Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """The renderer as a coroutine: Starlette would take a plain function to another thread."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, OutOfMemory) or problems.status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("a request failed: %s", error, exc_info=error)
        return render(request, error)

    return handle
