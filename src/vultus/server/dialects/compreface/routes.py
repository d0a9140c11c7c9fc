"""Routes of CompreFace's core service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.server.dialects.compreface import answers, schema
from vultus.server.dialects.compreface.errors import HEADERS
from vultus.server.dialects.compreface.plugins import Setup, Setups
from vultus.server.dialects.compreface.request import FILE, PARAMETERS, Asked, read_form, read_json
from vultus.server.dialects.files import form_of
from vultus.server.gathering import Order, Outcome, analysis_of
from vultus.server.openapi import Responses
from vultus.server.route import PlainRoute
from vultus.server.service import Service
from vultus.server.wire import JSON, Reply, dump

_SCANNER = "ScannerWithPlugins"
"""What ``/scan_faces`` calls its calculator, whichever it is."""

_SCANNING = frozenset({"calculator"})

_Read = Callable[[str | None, bytes], tuple[bytes, dict[str, str]]]


class _Core:
    """Answers requests.

    Args:
        service: The server's.
        setups: Knows which networks play which plugins.
    """

    def __init__(self, service: Service, setups: Setups) -> None:
        self._service = service
        self._setups = setups

    async def find(self, request: Request, read: _Read, scans: bool = False) -> Response:
        """Find and describe the faces of the picture that ``read`` finds in the body; ``scans``: as ``/scan_faces``."""
        content_type = request.headers.get("content-type")
        query = {name: request.query_params.getlist(name)[0] for name in PARAMETERS if name in request.query_params}

        def order(engine: FaceEngine, body: bytes) -> Order:
            picture, fields = read(content_type, body)
            asked = Asked.of(fields | query)
            if scans:
                asked = replace(asked, slugs=_SCANNING, detects=True)
            return _order(self._setups.of(engine), picture, asked, scans)

        response = await self._service.answer(request, order)
        response.headers.update(HEADERS)
        return response

    def status(self) -> Response:
        """What is loaded."""
        setup = self._setups.of(self._service.lifecycle.engine)
        versions = answers.versions(setup, list(setup.plugins))
        return _json(
            {
                "status": "OK",
                "build_version": self._service.settings.compreface_build,
                "calculator_version": versions["calculator"],
                "similarity_coefficients": setup.coefficients,
                "available_plugins": versions,
            }
        )


def router(setups: Setups, service: Service) -> APIRouter:
    """Routes ``/find_faces``, ``/find_faces_base64``, ``/scan_faces``, ``/status`` and ``/healthcheck``."""
    routes = APIRouter(tags=["CompreFace core"], route_class=PlainRoute)
    core = _Core(service, setups)

    async def find_faces(request: Request) -> Response:
        return await core.find(request, read_form)

    async def find_faces_base64(request: Request) -> Response:
        return await core.find(request, lambda content_type, body: (read_json(content_type, body), {}))

    async def scan_faces(request: Request) -> Response:
        return await core.find(request, read_form, scans=True)

    async def status() -> Response:
        return core.status()

    async def healthcheck() -> Response:
        service.canary.check()
        return _json({"status": "OK"})

    form, query = form_of((FILE,)), {"parameters": schema.PARAMETERS}
    base64 = {"requestBody": {"required": True, "content": {JSON: {"schema": schema.BASE64}}}}
    two = {"parameters": schema.PARAMETERS[:2]}
    found, scanned, loaded = schema.FOUND, schema.SCANNED, schema.STATUS
    _add(routes, "POST", "/find_faces", find_faces, "Find faces and run plugins on them", found, form | query)
    _add(routes, "POST", "/find_faces_base64", find_faces_base64, "The same, in JSON", found, base64 | query)
    _add(routes, "POST", "/scan_faces", scan_faces, "Find and embed faces", scanned, form | two)
    _add(routes, "GET", "/status", status, "The loaded plugins, the calculator's similarity coefficients", loaded, {})
    _add(routes, "GET", "/healthcheck", healthcheck, "How the last self check ended", schema.HEALTH, {})
    return routes


def _add(
    routes: APIRouter,
    method: str,
    path: str,
    endpoint: Callable[..., Any],
    summary: str,
    responses: Responses,
    openapi: dict[str, Any],
) -> None:
    """A path, with and without a slash at its end."""
    routes.add_api_route(path, endpoint, methods=[method], summary=summary, responses=responses, openapi_extra=openapi)
    routes.add_api_route(f"{path}/", endpoint, methods=[method], include_in_schema=False)


def _order(setup: Setup, picture: bytes, asked: Asked, scans: bool) -> Order:
    running = asked.running(setup)
    used = setup.profile if asked.threshold is None else replace(setup.profile, threshold=asked.threshold)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        found = answers.faces(analysis_of(outcomes[0]), setup, running)
        if scans:
            return Reply(dump({"calculator_version": _SCANNER, "result": found}, JSON))
        return Reply(dump({"plugins_versions": answers.versions(setup, running), "result": found}, JSON))

    return Order([picture], asked.plan(setup, running), used, finish)


def _json(content: Mapping[str, object]) -> Response:
    return Response(dump(content, JSON), headers=dict(HEADERS), media_type=JSON)
