"""What ``/docs`` tells of the requests and answers."""

from __future__ import annotations

from typing import Any

from vultus.server.dialects.insightface_rest.drawing import JPEG
from vultus.server.dialects.insightface_rest.request import Asked, Draw, Extract
from vultus.server.wire import JSON, MSGPACK


def _schema(asked: type[Asked]) -> dict[str, Any]:
    schema = asked.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["images"] = schema.pop("$defs")["Images"]
    return schema


def _form_schema() -> dict[str, Any]:
    schema = _schema(Draw)
    del schema["properties"]["images"]
    schema["properties"]["file"] = {"type": "string", "format": "binary"}
    return {**schema, "required": ["file"]}


EXTRACT: dict[str, Any] = {
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
                JSON: {"schema": _schema(Extract), "example": {"images": {"data": ["/9j/4AAQSkZJRgABAQ..."]}}},
                MSGPACK: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
}

DRAW: dict[str, Any] = {
    "responses": {200: {"description": "The first picture, with what was found.", "content": {JPEG: {}}}},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _schema(Draw)}, MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
}

DRAW_FORM: dict[str, Any] = {
    "responses": {200: {"description": "The picture, with what was found.", "content": {JPEG: {}}}},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form_schema()}},
        }
    },
}
