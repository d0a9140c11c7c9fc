"""Endpoints of InsightFace-REST."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vultus import __version__
from vultus.engine import FaceEngine
from vultus.errors import VultusError
from vultus.server.dialects.insightface_rest.answers import Answers
from vultus.server.dialects.insightface_rest.canary import Canary
from vultus.server.dialects.insightface_rest.request import THRESHOLD, Extract, parse_extract
from vultus.server.gathering import Order, Outcome
from vultus.server.service import Service
from vultus.server.wire import JSON, MSGPACK, X_MSGPACK, Reply, dump, is_packed, negotiate
from vultus.types import CanvasRule, Profile


def profile(engine: FaceEngine) -> Profile:
    """Pictures are scaled by area; one that would be enlarged more than twice is enlarged by 0.7 of that."""
    side = engine.settings.canvas
    canvas = CanvasRule(side, side, damp_above=2.0, damping=0.7, shrink="area", fit="exact")
    return replace(engine.default_profile, name="insightface-rest", canvas=canvas, threshold=THRESHOLD)


def router(service: Service) -> APIRouter:
    """Routes ``/extract``, ``/info``, ``/health`` and ``/``."""
    routes = APIRouter(tags=["InsightFace-REST"])
    canary = Canary()

    @routes.post("/extract", summary="Find, align and embed faces", **_EXTRACT)
    async def extract(request: Request) -> Response:
        started = time.perf_counter()
        return await service.answer(request, lambda engine, body: _read_extract(request, started, engine, body))

    @routes.get("/info", summary="Networks in use and request defaults")
    async def info() -> Response:
        return Response(orjson.dumps(_info(service.lifecycle.engine)), media_type=JSON)

    @routes.get("/health", summary="Analyses a picture and a crop of its own")
    async def health() -> Response:
        try:
            engine = service.lifecycle.engine
            await canary.check(engine, profile(engine))
        except VultusError as error:
            raise HTTPException(500, "self check failed") from error
        return Response(b'{"status":"ok"}', media_type=JSON)

    @routes.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/docs", 307)

    return routes


def _read_extract(request: Request, started: float, engine: FaceEngine, body: bytes) -> Order:
    asked, packed_body = parse_extract(request.headers.get("content-type"), body)
    packed = bool(asked.msgpack) or _wants_packed(request.headers.getlist("accept"))
    media_type = X_MSGPACK if packed else JSON
    answers = Answers(asked, packed)

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        return Reply(dump(answers.whole(outcomes, time.perf_counter() - started), media_type), media_type)

    used = replace(profile(engine), threshold=asked.face_threshold)
    return Order(asked.pictures(packed_body, engine.settings.max_request_pictures), asked.plan(), used, finish)


def _wants_packed(accept: list[str]) -> bool:
    """Whether MessagePack is wanted: for the original, where one of the lines is exactly its name."""
    return X_MSGPACK in accept or is_packed(negotiate(", ".join(accept)))


def _info(engine: FaceEngine) -> dict[str, Any]:
    used = profile(engine)
    fields = Extract.model_fields
    flags = ("return_face_data", "return_landmarks", "extract_embedding", "extract_ga", "detect_masks")
    return {
        "version": __version__,
        "tensorrt_version": None,
        "log_level": engine.settings.log_level.upper(),
        "models": {
            "inference_backend": engine.runtime.name,
            "det_name": used.detector,
            "rec_name": used.embedder,
            "max_size": [used.canvas.width, used.canvas.height],
            "ga_name": None,
            "mask_detector": None,
            "rec_batch_size": 1,
            "det_batch_size": 1,
            "force_fp16": False,
            "triton_uri": None,
        },
        "defaults": {
            **{name: fields[name].default for name in flags},
            "det_thresh": THRESHOLD,
            "img_req_headers": {},
            "sslv3_hack": False,
        },
    }


def _schema() -> dict[str, Any]:
    schema = Extract.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["images"] = schema.pop("$defs")["Images"]
    return schema


_EXTRACT: dict[str, Any] = {
    "responses": {
        200: {
            "description": "One entry of `data` for each picture, in order; one that failed says so in `traceback`.",
            "content": {
                JSON: {
                    "example": {
                        "took": {"total_ms": 9.1},
                        "data": [
                            {
                                "status": "ok",
                                "took_ms": 8.7,
                                "faces": [
                                    {
                                        "bbox": [57, 46, 134, 146],
                                        "prob": 0.87,
                                        "num_det": 0,
                                        "scale": 1.0,
                                        "norm": 21.7,
                                        "vec": [0.0417, -0.0093],
                                        "gender": None,
                                        "age": None,
                                        "mask": None,
                                        "mask_probs": None,
                                        "size": 76,
                                    }
                                ],
                            }
                        ],
                    }
                }
            },
        }
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": _schema(), "example": {"images": {"data": ["/9j/4AAQSkZJRgABAQ..."]}}},
                MSGPACK: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
}
