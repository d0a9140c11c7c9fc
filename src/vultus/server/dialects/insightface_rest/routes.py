"""Endpoints of InsightFace-REST."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vultus import __version__
from vultus.engine import FaceEngine
from vultus.server.dialects.insightface_rest.answers import Answers
from vultus.server.dialects.insightface_rest.body import defaults_of, parse, parse_drawing_form
from vultus.server.dialects.insightface_rest.drawing import drawing
from vultus.server.dialects.insightface_rest.older import OlderAnswers
from vultus.server.dialects.insightface_rest.request import THRESHOLD, Draw, Extract, Form
from vultus.server.dialects.insightface_rest.schema import DRAW, DRAW_FORM, EXTRACT, EXTRACT_TODAY, INFO
from vultus.server.dialects.shared import add_health
from vultus.server.gathering import Order, Outcome
from vultus.server.route import PlainRoute
from vultus.server.service import Service
from vultus.server.wire import JSON, X_MSGPACK, Reply, dump, is_packed, negotiate
from vultus.types import Profile


def profile(engine: FaceEngine) -> Profile:
    """Pictures are scaled by area; one that would be enlarged more than twice is enlarged by 0.7 of that."""
    canvas = replace(engine.default_profile.canvas, damp_above=2.0, damping=0.7, shrink="area", fit="exact")
    embedder = engine.default_profile.embedder
    exchanged = frozenset({embedder} if embedder and engine.settings.ifr_color == "bgr" else ())
    return replace(
        engine.default_profile, name="insightface-rest", canvas=canvas, threshold=THRESHOLD, exchanged=exchanged
    )


def router(service: Service) -> APIRouter:
    """Routes ``/extract``, the drawings, ``/info``, ``/health`` and ``/``."""
    routes = APIRouter(tags=["InsightFace-REST"], route_class=PlainRoute)
    add_health(routes, service)

    @routes.post("/extract", summary="Find, align and embed faces", **EXTRACT)
    async def extract(request: Request) -> Response:
        read = partial(_read_extract, request, time.perf_counter(), None)
        return await service.answer(request, read)

    @routes.post("/v2/extract", summary="The same, always in today's form", **EXTRACT_TODAY)
    async def extract_today(request: Request) -> Response:
        read = partial(_read_extract, request, time.perf_counter(), "2")
        return await service.answer(request, read)

    @routes.post("/draw_detections", summary="Draw the faces of a picture", response_class=Response, **DRAW)
    async def draw(request: Request) -> Response:
        return await service.answer(request, partial(_read_drawing, request))

    @routes.post("/multipart/draw_detections", summary="The same, as a form", response_class=Response, **DRAW_FORM)
    async def draw_form(request: Request) -> Response:
        return await service.answer(request, partial(_read_drawing_form, request))

    @routes.get("/info", summary="Networks in use and request defaults", **INFO)
    async def info() -> Response:
        return Response(orjson.dumps(_info(service.lifecycle.engine)), media_type=JSON)

    @routes.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/docs", 307)

    return routes


def _read_extract(request: Request, started: float, form: Form | None, engine: FaceEngine, body: bytes) -> Order:
    asked, packed_body = parse(Extract, request.headers.get("content-type"), body, engine.settings)
    form = form or asked.form(engine.settings.ifr_form)
    packed = bool(asked.msgpack) or _wants_packed(request.headers.getlist("accept"))
    media_type = X_MSGPACK if packed else JSON
    answers = Answers(asked, packed) if form == "2" else OlderAnswers(asked, packed, form)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        return Reply(dump(answers.whole(outcomes, time.perf_counter() - started), media_type), media_type)

    used, known = replace(profile(engine), threshold=asked.face_threshold), engine.facts()
    if not asked.enlarges(form):
        used = replace(used, canvas=replace(used.canvas, max_scale=1.0))
    return Order(asked.pictures(packed_body, engine.settings.max_request_pictures), asked.plan(known), used, finish)


def _read_drawing(request: Request, engine: FaceEngine, body: bytes) -> Order:
    asked, packed = parse(Draw, request.headers.get("content-type"), body, engine.settings)
    return drawing(asked, asked.pictures(packed), profile(engine), engine.facts())


def _read_drawing_form(request: Request, engine: FaceEngine, body: bytes) -> Order:
    asked = parse_drawing_form(request.headers.get("content-type"), body)
    return drawing(asked, asked.pictures(packed=True), profile(engine), engine.facts())


def _wants_packed(accept: list[str]) -> bool:
    """Whether MessagePack is wanted: for the original, where one of the lines is exactly its name."""
    return X_MSGPACK in accept or is_packed(negotiate(", ".join(accept)))


def _name(engine: FaceEngine, name: str) -> str:
    """What the original calls a network: an export of its own goes by another name here."""
    model = engine.model(name)
    return next(iter(model.local_names), model.name)


def _info(engine: FaceEngine) -> dict[str, Any]:
    used, tellers = profile(engine), engine.tellers()
    defaults = defaults_of(engine.settings)
    return {
        "version": __version__,
        "tensorrt_version": None,
        "log_level": engine.settings.log_level.upper(),
        "models": {
            "inference_backend": engine.runtime.name,
            "det_name": _name(engine, used.detector),
            "rec_name": _name(engine, used.embedder) if used.embedder else None,
            "max_size": [used.canvas.width, used.canvas.height],
            "ga_name": tellers.get("gender"),
            "mask_detector": tellers.get("mask"),
            "rec_batch_size": 1,
            "det_batch_size": 1,
            "force_fp16": engine.runtime.precision == "fp16",
            "triton_uri": None,
        },
        "defaults": {
            "det_thresh": defaults.pop("threshold"),
            **defaults,
            "img_req_headers": {},
            "sslv3_hack": False,
        },
    }
