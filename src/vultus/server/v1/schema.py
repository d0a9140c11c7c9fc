"""How ``/v1`` describes itself in OpenAPI: bodies, options and examples. Nothing here runs per request."""

from __future__ import annotations

from typing import Any

from vultus.server import openapi
from vultus.server.v1 import answer_schemas
from vultus.server.v1.options import CompareOptions, EmbeddingOptions, FaceOptions, Options
from vultus.server.v1.request import FILE_FIELD, IMAGES
from vultus.server.wire import MSGPACK, X_MSGPACK

_BASE64 = "/9j/4AAQSkZJRgABAQ..."
_CARD = {
    "name": "w600k_mbf",
    "sha256": "9cc6e4a75f0e",
    "licence": "non-commercial research",
    "commercial_use": False,
    "precision": "f32",
}
_MODEL = {"detector": {**_CARD, "name": "scrfd_500m_bnkps", "sha256": "a3562ef62592"}, "embedder": _CARD}
_REQUEST_ID = "5b1c7b0f0f8e4c2f9f0c5f6f2f4f7c1d"
_PACKED = (MSGPACK, X_MSGPACK)
_BOX = {"box": [80.1, 54.3, 168.9, 171.2], "score": 0.91}

_STATUSES = (408, 413, 415, 422, 429, 500, 503)


def _fields(options: type[Options]) -> dict[str, Any]:
    return dict(options.model_json_schema(mode="serialization")["properties"])


def _body(options: type[Options], example: dict[str, Any]) -> dict[str, Any]:
    fields = _fields(options)
    picture = {"type": "string", "description": "base64 text or a data URL"}
    wrapped = {"type": "object", "properties": {"data": picture}, "required": ["data"], "additionalProperties": False}
    address = {"type": "string", "description": "an http(s) address, or a file below `image_root`, where set so"}
    named = {"type": "object", "properties": {"url": address}, "required": ["url"], "additionalProperties": False}
    pictures = {"type": "array", "items": {"anyOf": [picture, wrapped, named]}, "minItems": 1}
    document = {
        "type": "object",
        "properties": {IMAGES: pictures, **fields},
        "required": [IMAGES],
        "additionalProperties": False,
    }
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    form = {"type": "object", "properties": {FILE_FIELD: files, **fields}, "required": [FILE_FIELD]}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": document, "example": example},
            "application/msgpack": {"schema": {"type": "string", "format": "binary"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }


def _query(options: type[Options]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": field.get("description", ""), "schema": field}
        for name, field in _fields(options).items()
    ]


def _operation(
    options: type[Options], description: str, request: dict[str, Any], answer: dict[str, Any], schema: openapi.Schema
) -> dict[str, Any]:
    done = openapi.answer(schema, {**answer, "request_id": _REQUEST_ID}, _PACKED)
    return {
        "description": description,
        "responses": {200: done, **openapi.problems(*_STATUSES)},
        "openapi_extra": {"requestBody": _body(options, request), "parameters": _query(options)},
    }


def _facts(schema: openapi.Schema) -> dict[str, Any]:
    return {"responses": {200: openapi.answer(schema, packed=_PACKED), **openapi.problems(500, 503)}}


MODELS = _facts(answer_schemas.MODELS)
INFO = _facts(answer_schemas.INFO)

FACES = _operation(
    FaceOptions,
    "Pictures as files of a form, as base64 text or data URLs in JSON, as bytes in MessagePack, or one as the body "
    "itself. Options stand in the query or in the body. A picture that cannot be used has an `error` in its place "
    "and does not disturb the others. With `Accept: application/msgpack` the answer is MessagePack.",
    {IMAGES: [_BASE64, {"data": f"data:image/png;base64,{_BASE64}"}], "max_faces": 1, "attributes": ["landmarks106"]},
    {
        "model": {**_MODEL, "attributes": []},
        "pictures": [
            {
                "width": 220,
                "height": 270,
                "faces": [
                    {
                        **_BOX,
                        "landmarks": [[104.0, 99.8], [146.1, 99.1], [125.2, 124.9], [107.8, 145.3], [143.0, 144.6]],
                        "embedding": [0.0417, -0.0093],
                        "norm": 21.7,
                        "attributes": {"landmarks106": [[90.2, 101.3]]},
                    }
                ],
                "seconds": {"decode": 0.0002, "detect": 0.0061, "align": 0.0001, "embed": 0.0032, "attributes": 0.0},
            },
            {"error": {"code": "picture_corrupt", "message": "the picture is cut off"}},
        ],
    },
    answer_schemas.FACES,
)

EMBEDDINGS = _operation(
    EmbeddingOptions,
    "Each picture already is a face crop, aligned to the embedder's template and of exactly its input size; any "
    "other size is the error `crop_size_wrong` in the crop's place.",
    {IMAGES: [_BASE64], "embeddings": "base64"},
    {"model": {"embedder": _CARD}, "embeddings": [{"embedding": [0.0417, -0.0093], "norm": 21.7}]},
    answer_schemas.EMBEDDINGS,
)

COMPARE = _operation(
    CompareOptions,
    "Two pictures, in order. `match` says whether the similarity reaches the catalogue's threshold for the embedder; "
    "`decision` states that threshold and how often it calls two persons one. Both are null, with a `reason`, where "
    "the catalogue has none.",
    {IMAGES: [_BASE64, _BASE64]},
    {
        "model": _MODEL,
        "similarity": 0.71,
        "match": True,
        "decision": {"cosine": 0.4, "false_match_rate": 0.001, "measured_on": "LFW"},
        "reason": None,
        "faces": [_BOX, _BOX],
    },
    answer_schemas.COMPARISON,
)
