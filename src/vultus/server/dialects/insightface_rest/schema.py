"""What ``/docs`` tells of the requests and answers."""

from __future__ import annotations

from typing import Any

from vultus.server import openapi
from vultus.server.dialects import schemas
from vultus.server.dialects.insightface_rest import answer_schemas
from vultus.server.dialects.insightface_rest.drawing import JPEG
from vultus.server.dialects.insightface_rest.request import Asked, Draw, Extract
from vultus.server.wire import JSON, MSGPACK, X_MSGPACK


def _schema(asked: type[Asked]) -> dict[str, Any]:
    schema = asked.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["images"] = schema.pop("$defs")["Images"]
    return schema


def _form_schema() -> dict[str, Any]:
    schema = _schema(Draw)
    del schema["properties"]["images"]
    schema["properties"]["file"] = {"type": "string", "format": "binary"}
    return {**schema, "required": ["file"]}


_FAILURES = openapi.refusals((400, 408, 413, 415, 422, 429, 500, 503), schemas.DETAIL)
_EXAMPLE = {
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


def _extract(schema: openapi.Schema) -> dict[str, Any]:
    text = "One entry of `data` for each picture, in order; one that failed says so in `traceback`."
    return {
        "responses": {200: openapi.answer(schema, _EXAMPLE, (MSGPACK, X_MSGPACK), text), **_FAILURES},
        "openapi_extra": {
            "requestBody": {
                "required": True,
                "content": {
                    JSON: {"schema": _schema(Extract), "example": {"images": {"data": ["/9j/4AAQSkZJRgABAQ..."]}}},
                    MSGPACK: {"schema": {"type": "string", "format": "binary"}},
                },
            }
        },
    }


EXTRACT = _extract(answer_schemas.EXTRACTED)
EXTRACT_TODAY = _extract(answer_schemas.EXTRACTED_TODAY)
INFO: dict[str, Any] = {
    "responses": {
        200: openapi.answer(answer_schemas.INFO),
        **openapi.refusals((500, 503), schemas.DETAIL),
    }
}

DRAW: dict[str, Any] = {
    "responses": {200: {"description": "The first picture, with what was found.", "content": {JPEG: {}}}, **_FAILURES},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _schema(Draw)}, MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
}

DRAW_FORM: dict[str, Any] = {
    "responses": {200: {"description": "The picture, with what was found.", "content": {JPEG: {}}}, **_FAILURES},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form_schema()}},
        }
    },
}
