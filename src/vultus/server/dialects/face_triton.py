"""The Similarity API, a FastAPI service in front of Triton: ``/embedding``, ``/face-similarity``, ``/health``.

Part names, answers, the rescaled similarity, the order of checks and the phrases of its errors are those its clients
know; ``docs/dialects/face-triton.md`` lists what differs on purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vultus.embed import similarity
from vultus.engine import FaceEngine
from vultus.errors import AccessError, NoFaceFound, NotReady, RequestError
from vultus.runtime.ticket import Ticket
from vultus.server import openapi
from vultus.server.dialects import schemas
from vultus.server.dialects.base import Dialect
from vultus.server.dialects.files import WrongForm, form_of, parse_files
from vultus.server.dialects.shared import NOT_A_PICTURE, add_health, insightface_profile
from vultus.server.gathering import Order, Outcome, analysis_of
from vultus.server.pictures import check_count
from vultus.server.problems import detail_of, headers_of, status_of
from vultus.server.route import PlainRoute
from vultus.server.service import Service
from vultus.server.wire import JSON, Reply, dump
from vultus.types import Face, Plan, Profile

_EMBEDDING, _SIMILARITY = "/embedding", "/face-similarity"
_ONE, _TWO = ("image",), ("image_a", "image_b")
_PREFIXES: Mapping[str, str] = MappingProxyType({_EMBEDDING: "Inference failed: ", _SIMILARITY: "Similarity failed: "})
_NOT_READY = "Triton client is not initialized."
"""The original's words, whatever computes."""


def profile(engine: FaceEngine) -> Profile:
    """The original's own detector input and thresholds, whatever the settings say."""
    return insightface_profile(engine, "face-triton")


def router(service: Service) -> APIRouter:
    """Routes ``/embedding``, ``/face-similarity`` and ``/health``."""
    routes = APIRouter(tags=["Similarity API"], route_class=PlainRoute)
    add_health(routes, service)

    @routes.post(
        _EMBEDDING,
        **_operation(
            "Embed a picture, stretched as it is", _ONE, schemas.SIMILAR_EMBEDDING, {"embedding": [[0.12, -0.73]]}
        ),
    )
    async def embedding(request: Request) -> Response:
        return await _answer(service, request, _ONE, _embedding_order)

    @routes.post(
        _SIMILARITY,
        **_operation("Compare the surest face of each picture", _TWO, schemas.SIMILARITY, {"similarity": 0.8312}),
    )
    async def face_similarity(request: Request) -> Response:
        return await _answer(service, request, _TWO, _similarity_order)

    return routes


def render(request: Request, error: Exception) -> Response:
    """The answer to a request that failed as a whole: ``{"detail": ...}``."""
    is_callers = isinstance(error, (*NOT_A_PICTURE, NoFaceFound))
    detail = orjson.dumps({"detail": _detail(request.scope["path"], error)})
    return Response(detail, 400 if is_callers else status_of(error), headers_of(error), JSON)


async def _answer(
    service: Service,
    request: Request,
    names: Sequence[str],
    order: Callable[[FaceEngine, list[bytes]], Order],
) -> Response:
    content_type = request.headers.get("content-type")
    try:
        service.engine()
    except NotReady:
        await _check_form(service, request, names)
        raise

    def read(engine: FaceEngine, body: bytes) -> Order:
        files = parse_files(content_type, body, names)
        check_count(len(files), engine.settings.max_request_pictures)
        return order(engine, files)

    return await service.answer(request, read)


async def _check_form(service: Service, request: Request, names: Sequence[str]) -> None:
    """Tell a form that is wrong so, as the original does also where it cannot work."""
    with suppress(TimeoutError):
        async with service.enter(Ticket.within(service.settings.request_timeout)) as place:
            body = await service.body(request, place.hold_bytes)
            await asyncio.to_thread(parse_files, request.headers.get("content-type"), body, names)


def _embedding_order(engine: FaceEngine, files: list[bytes]) -> Order:
    def finish(outcomes: Sequence[Outcome]) -> Reply:
        face = _first_face(outcomes[0])
        return Reply(dump({"embedding": [face.raw_embedding]}, JSON))

    return Order(files, Plan(detect=False, stretch=True), profile(engine), finish)


def _similarity_order(engine: FaceEngine, files: list[bytes]) -> Order:
    def finish(outcomes: Sequence[Outcome]) -> Reply:
        faces = [_first_face(outcome, which) for outcome, which in zip(outcomes, ("image A", "image B"), strict=True)]
        cosine = similarity(*(np.asarray(face.embedding) for face in faces))
        return Reply(dump({"similarity": min(max((cosine + 1) / 2, 0.0), 1.0)}, JSON))

    return Order(files, Plan(max_faces=1, rank="score"), profile(engine), finish)


def _first_face(outcome: Outcome, which: str = "") -> Face:
    faces = analysis_of(outcome, which).faces
    if not faces:
        raise NoFaceFound(f"No face detected in {which}")
    return faces[0]


def _detail(path: str, error: Exception) -> object:
    if isinstance(error, WrongForm):
        return error.entries
    if isinstance(error, NotReady):
        return _NOT_READY
    if isinstance(error, NOT_A_PICTURE):
        return f"{_PREFIXES.get(path, '')}cannot identify image file: {error.message}"
    if isinstance(error, HTTPException | AccessError | RequestError) and not isinstance(error, NoFaceFound):
        return detail_of(error)  # of the request, not of what is done with it
    return _PREFIXES.get(path, "") + detail_of(error)


def _operation(
    summary: str, names: Sequence[str], schema: openapi.Schema, example: Mapping[str, object]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {200: openapi.answer(schema, example), **schemas.SIMILAR_FAILURES},
        "openapi_extra": form_of(names),
    }


DIALECT = Dialect("face-triton", router, render, profile)
