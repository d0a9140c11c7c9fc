"""The InsightFace ArcFace API: ``/detect``, ``/embed``, the earlier ``/attributes``, and ``/health``.

Field names, units, vectors and error texts are those its clients know, in the form they are documented or, by
setting, in that its C# client reads; ``docs/dialects/arcface-api.md`` lists what differs on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.errors import (
    AccessError,
    Cancelled,
    DeadlineExceeded,
    NoFaceFound,
    NotReady,
    Overloaded,
    RequestError,
    VultusError,
)
from vultus.server.dialects import schemas
from vultus.server.dialects.base import Dialect
from vultus.server.dialects.files import WrongForm, form_of, parse_files
from vultus.server.dialects.shared import NOT_A_PICTURE, add_health, insightface_profile
from vultus.server.gathering import Order, Outcome, analysis_of
from vultus.server.openapi import Schema
from vultus.server.problems import detail_of, headers_of, status_of
from vultus.server.route import PlainRoute
from vultus.server.service import Service
from vultus.server.wire import JSON, Reply, dump
from vultus.types import GENDERS, Face, FloatArray, Plan, Profile

_DETECT, _EMBED, _ATTRIBUTES = "/detect", "/embed", "/attributes"
_FILE = ("file",)
_FACTS = frozenset({"gender", "age"})
_LABELS: Mapping[str, str] = MappingProxyType({"glintr100": "antelopev2_glint360k"})
"""What the original calls an embedder; any other has its own name."""

_PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        _DETECT: "Failed to detect faces: ",
        _EMBED: "Failed to extract embedding: ",
        _ATTRIBUTES: "Failed to analyze face: ",
    }
)
_REFUSALS = (AccessError, RequestError, NotReady, Overloaded, DeadlineExceeded, Cancelled)
"""Errors of a request that was not worked on to its end: told by the status in either form."""

_Make = Callable[[FaceEngine, bytes], Order]


def profile(engine: FaceEngine) -> Profile:
    """The original's own detector input and thresholds, whatever the settings say."""
    return insightface_profile(engine, "arcface-api")


def router(service: Service) -> APIRouter:
    """Routes ``/detect``, ``/embed``, ``/attributes`` and ``/health``."""
    routes = APIRouter(tags=["ArcFace API"], route_class=PlainRoute)
    add_health(routes, service)

    @routes.post(_DETECT, **_operation("Find faces and describe them", schemas.ARCFACE_DETECTED))
    async def detect(
        request: Request,
        include_embeddings: Annotated[bool, Query(description="Embed each face, aligned by its landmarks.")] = False,
    ) -> Response:
        return await _answer(service, request, lambda engine, file: _detect_order(engine, file, include_embeddings))

    @routes.post(_EMBED, **_operation("Embed a picture, stretched as it is", schemas.ARCFACE_EMBEDDED))
    async def embed(
        request: Request,
        include_attributes: Annotated[bool, Query(description="Also describe the surest face found in it.")] = False,
    ) -> Response:
        return await _answer(service, request, lambda engine, file: _embed_order(engine, file, include_attributes))

    @routes.post(_ATTRIBUTES, **_operation("Describe the surest face of a picture", schemas.ARCFACE_DESCRIBED))
    async def attributes(request: Request) -> Response:
        return await _answer(service, request, _attributes_order)

    return routes


def render(request: Request, error: Exception) -> Response:
    """The answer to a request that failed as a whole: ``{"error": ...}``, or FastAPI's ``{"detail": ...}``."""
    return _failure(request.scope["path"], error, status_of(error))


async def _answer(service: Service, request: Request, order: _Make) -> Response:
    content_type = request.headers.get("content-type")

    def read(engine: FaceEngine, body: bytes) -> Order:
        return order(engine, *parse_files(content_type, body, _FILE))

    try:
        return await service.answer(request, read)
    except VultusError as error:
        is_refusal = isinstance(error, _REFUSALS) and not isinstance(error, NoFaceFound)
        if is_refusal or service.settings.arcface_api_form == "flat":
            raise
        return _failure(request.scope["path"], error, 200)


def _failure(path: str, error: Exception, status: int) -> Response:
    return Response(orjson.dumps(_problem(path, error)), status, headers_of(error), JSON)


def _problem(path: str, error: Exception) -> dict[str, object]:
    if isinstance(error, WrongForm):
        return {"detail": error.entries}
    if isinstance(error, HTTPException):
        return {"detail": detail_of(error)}
    if isinstance(error, NOT_A_PICTURE):
        return {"error": "Invalid image format", "detail": error.message}
    if isinstance(error, _REFUSALS):
        return {"error": detail_of(error)}
    return {"error": _PREFIXES.get(path, "") + detail_of(error)}


def _detect_order(engine: FaceEngine, file: bytes, embeddings: bool) -> Order:
    in_fractions = engine.settings.arcface_api_boxes == "fractions"

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        analysis = analysis_of(outcomes[0])
        units = np.array([analysis.width, analysis.height] * 2 if in_fractions else [1] * 4, np.float32)
        return _reply({"faces": [_face(place, face, units) for place, face in enumerate(analysis.faces)]})

    used = profile(engine)
    return Order([file], Plan(embeddings=embeddings, attributes=_FACTS & engine.facts(used)), used, finish)


def _embed_order(engine: FaceEngine, file: bytes, attributes: bool) -> Order:
    is_nested = engine.settings.arcface_api_form == "nested"
    used = profile(engine)

    def embed(more: Mapping[str, object]) -> Order:
        def finish(outcomes: Sequence[Outcome]) -> Reply:
            embedding = np.asarray(analysis_of(outcomes[0]).faces[0].raw_embedding)[np.newaxis if is_nested else ...]
            told = {"embedding": embedding, "embedding_shape": embedding.shape, "embedding_dim": len(embedding)}
            return _reply({**told, **_model(engine, used), **more})

        return Order([file], Plan(detect=False, stretch=True), used, finish)

    def describe(outcomes: Sequence[Outcome]) -> Order:
        faces = analysis_of(outcomes[0]).faces
        return embed({"attributes": _attributes(engine, used, faces[0])} if faces else {})

    return Order([file], _plan_of_attributes(engine, used), used, describe) if attributes else embed({})


def _attributes_order(engine: FaceEngine, file: bytes) -> Order:
    used = profile(engine)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        faces = analysis_of(outcomes[0]).faces
        if not faces:
            raise NoFaceFound("No face detected in the image")
        return _reply({"status": "success", "attributes": _attributes(engine, used, faces[0])})

    return Order([file], _plan_of_attributes(engine, used), used, finish)


def _plan_of_attributes(engine: FaceEngine, used: Profile) -> Plan:
    return Plan(embeddings=False, attributes=(_FACTS | {"pose"}) & engine.facts(used), max_faces=1, rank="score")


def _reply(content: Mapping[str, object]) -> Reply:
    return Reply(dump(content, JSON))


def _face(place: int, face: Face, units: FloatArray) -> dict[str, object]:
    entry = {
        "id": str(place),
        "score": face.score,
        "bbox": face.box / units,
        "landmark": face.landmarks,
        **_age_and_gender(face),
    }
    if face.embedding is not None:
        entry |= {"embedding": face.raw_embedding, "embedding_dim": len(face.embedding)}
    return entry


def _attributes(engine: FaceEngine, used: Profile, face: Face) -> dict[str, object]:
    pose: Any = face.attributes["pose"] or {}
    size = engine.model(used.embedder).embedding_size if used.embedder else None
    return {
        **_age_and_gender(face),
        "pose": {axis: pose.get(axis) for axis in ("yaw", "pitch", "roll")},
        "embedding_available": size is not None,
        "embedding_dim": size,
    }


def _age_and_gender(face: Face) -> dict[str, object]:
    age, gender = face.attributes.get("age"), face.attributes.get("gender")
    return {
        "age": round(age) if isinstance(age, float) else None,
        "gender": GENDERS[gender] if isinstance(gender, int) else None,
    }


def _model(engine: FaceEngine, used: Profile) -> dict[str, object]:
    assert used.embedder  # without one the picture would not have been embedded
    model = engine.model(used.embedder)
    return {"model": _LABELS.get(model.name, model.name), "input_size": f"{model.input.width}x{model.input.height}"}


def _operation(summary: str, done: Schema) -> dict[str, Any]:
    return {"summary": summary, "responses": schemas.arcface_responses(done), "openapi_extra": form_of(_FILE)}


DIALECT = Dialect("arcface-api", router, render, profile)
