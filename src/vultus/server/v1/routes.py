"""Endpoints of ``/v1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vultus import __version__
from vultus.engine import FaceEngine
from vultus.errors import RequestError
from vultus.profiles import models_of
from vultus.runtime.choose import computes_elsewhere
from vultus.server.gathering import Order, Outcome
from vultus.server.route import PlainRoute
from vultus.server.service import Service
from vultus.server.v1 import schema
from vultus.server.v1.answers import comparison_answer, embedding_answer, model_card, model_cards, picture_answer
from vultus.server.v1.options import (
    CompareOptions,
    EmbeddingOptions,
    FaceOptions,
    allowed_facts,
    check_demographics,
    parse_options,
    single_values,
)
from vultus.server.v1.request import parse_contents
from vultus.server.wire import Reply, dump, is_packed, negotiate
from vultus.types import Plan
from vultus.zoo.catalogue import Model

_PAIR = 2


def router(service: Service) -> APIRouter:
    """Routes below ``/v1``."""
    routes = APIRouter(prefix="/v1", tags=["v1"], route_class=PlainRoute)

    @routes.post("/faces", summary="Find faces and describe them", **schema.FACES)
    async def faces(request: Request) -> Response:
        return await service.answer(request, lambda engine, body: _read_faces(_Asked(request), engine, body))

    @routes.post("/embeddings", summary="Embed aligned crops", **schema.EMBEDDINGS)
    async def embeddings(request: Request) -> Response:
        return await service.answer(request, lambda engine, body: _read_embeddings(_Asked(request), engine, body))

    @routes.post("/compare", summary="Compare the largest faces of two pictures", **schema.COMPARE)
    async def compare(request: Request) -> Response:
        return await service.answer(request, lambda engine, body: _read_compare(_Asked(request), engine, body))

    @routes.get("/models", summary="The networks in use, with sources, licences and measured accuracy", **schema.MODELS)
    async def models(request: Request) -> Response:
        engine = service.lifecycle.engine
        used = models_of([engine.default_profile], engine.catalogue)
        return _plain(request, {"models": [_full_card(model) for model in used]})

    @routes.get("/info", summary="What this server is, uses and allows", **schema.INFO)
    async def info(request: Request) -> Response:
        return _plain(request, _info(service, service.lifecycle.engine))

    return routes


class _Asked:
    """What of a request is beside its body, and how its answer is written."""

    def __init__(self, request: Request) -> None:
        self.content_type = request.headers.get("content-type")
        self.query: Mapping[str, Any] = single_values(request.query_params.multi_items())
        self.media_type = negotiate(", ".join(request.headers.getlist("accept")))
        self.request_id = request.state.request_id

    def reply(self, content: Mapping[str, object]) -> Reply:
        return Reply(dump({**content, "request_id": self.request_id}, self.media_type), self.media_type)


def _read_faces(asked: _Asked, engine: FaceEngine, body: bytes) -> Order:
    contents = parse_contents(asked.content_type, body, engine.settings.max_request_pictures)
    options = parse_options(FaceOptions, asked.query, contents.options, typed=contents.typed)
    check_demographics(options.attributes, engine.settings)
    profile = options.profile(engine.default_profile)
    packed = is_packed(asked.media_type)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        pictures = [picture_answer(outcome, options, packed) for outcome in outcomes]
        return asked.reply({"model": model_cards(profile, engine.model, engine.precision), "pictures": pictures})

    return Order(contents.pictures, options.plan(), profile, finish)


def _read_embeddings(asked: _Asked, engine: FaceEngine, body: bytes) -> Order:
    contents = parse_contents(asked.content_type, body, engine.settings.max_request_pictures)
    form = parse_options(EmbeddingOptions, asked.query, contents.options, typed=contents.typed).embeddings
    profile = engine.default_profile

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        model = {"embedder": model_cards(profile, engine.model, engine.precision)["embedder"]}
        return asked.reply({"model": model, "embeddings": [embedding_answer(outcome, form) for outcome in outcomes]})

    return Order(contents.pictures, Plan(detect=False), profile, finish)


def _read_compare(asked: _Asked, engine: FaceEngine, body: bytes) -> Order:
    contents = parse_contents(asked.content_type, body, engine.settings.max_request_pictures)
    if len(contents.pictures) != _PAIR:
        raise RequestError(f"a comparison needs two pictures, not {len(contents.pictures)}")
    options = parse_options(CompareOptions, asked.query, contents.options, typed=contents.typed)
    profile = options.profile(engine.default_profile)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        embedder = engine.model(profile.embedder or "")
        cards = model_cards(profile, engine.model, engine.precision)
        answer = comparison_answer(outcomes[0], outcomes[1], embedder)
        return asked.reply({"model": {"detector": cards["detector"], "embedder": cards["embedder"]}, **answer})

    return Order(contents.pictures, options.plan(), profile, finish)


def _full_card(model: Model) -> dict[str, object]:
    crop = model.crop
    return {
        **model_card(model),
        "sha256": model.sha256,
        "aliases": model.aliases,
        "companions": model.companions,
        "task": model.task,
        "family": model.family,
        "bytes": model.size,
        "source_project": model.source_project,
        "training_data": model.training_data,
        "accuracy": model.accuracy,
        "input": {"width": model.input.width, "height": model.input.height},
        "crop": asdict(crop) if crop else None,
        "embedding_size": model.embedding_size,
        "decision": asdict(model.threshold) if model.threshold else None,
    }


def _info(service: Service, engine: FaceEngine) -> dict[str, object]:
    settings, profile = service.settings, engine.default_profile
    canvas, *further = engine.canvases()
    return {
        "name": "vultus",
        "version": __version__,
        "runtime": engine.runtime.name,
        "device": engine.runtime.device,
        "precision": engine.runtime.precision,
        "streams": None if computes_elsewhere(settings) else engine.streams,
        "all_cores": settings.all_cores,
        "workers": settings.workers,
        "networks": model_cards(profile, engine.model, engine.precision),
        "attributes": sorted(allowed_facts(engine.facts(), settings)),
        "dialects": settings.dialects,
        "limits": {
            "max_picture_bytes": settings.max_picture_bytes,
            "max_picture_pixels": settings.max_picture_pixels,
            "max_picture_faces": settings.max_picture_faces,
            "max_request_bytes": settings.max_request_bytes,
            "max_request_pictures": settings.max_request_pictures,
            "request_timeout": settings.request_timeout,
        },
        "defaults": {
            "canvas": [canvas.width, canvas.height],
            "aspect": canvas.shape,
            "second_canvas": [further[0].width, further[0].height] if further else None,
            "decode": "scaled" if profile.scaled_decode else "full",
            "threshold": profile.threshold,
            "nms_threshold": profile.nms_threshold,
            **_defaults(),
        },
    }


def _defaults() -> dict[str, object]:
    """Options of ``/v1/faces`` that have a default of their own."""
    fields = FaceOptions.model_fields
    return {name: field.default for name, field in fields.items() if field.default is not None}


def _plain(request: Request, content: Mapping[str, object]) -> Response:
    reply = _Asked(request).reply(content)
    return Response(reply.body, media_type=reply.media_type)
