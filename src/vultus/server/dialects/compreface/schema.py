"""What ``/docs`` tells of the requests and answers of CompreFace's core."""

from __future__ import annotations

from typing import Any

from vultus.server import openapi
from vultus.server.dialects.compreface.request import FILE
from vultus.server.openapi import NUMBER, TEXT, WHOLE, list_of, map_of, record_of

_FAILURE = record_of({"message": TEXT}, {"code": TEXT})
_MEANINGS = {
    400: "The body, a parameter or the picture cannot be used, is too large or came too slowly, or shows no face.",
    500: "The engine failed, or the last self check did.",
}
_BOX = record_of(dict.fromkeys(("x_min", "y_min", "x_max", "y_max"), WHOLE) | {"probability": NUMBER})
_VALUE = record_of({"value": TEXT, "probability": NUMBER})
_FACE = record_of(
    {"box": _BOX, "execution_time": map_of(WHOLE)},
    {
        "embedding": list_of(NUMBER),
        "gender": _VALUE,
        "age": record_of({"low": WHOLE, "high": WHOLE, "probability": NUMBER}),
        "mask": _VALUE,
        "pose": record_of({"pitch": NUMBER, "yaw": NUMBER, "roll": NUMBER}),
        "landmarks": list_of(list_of(WHOLE, 2)),
    },
)
_FAILURES = openapi.refusals((400, 429, 500, 503), _FAILURE, meanings=_MEANINGS)

FOUND: openapi.Responses = {
    200: openapi.answer(record_of({"plugins_versions": map_of(TEXT), "result": list_of(_FACE)})),
    **_FAILURES,
}
SCANNED: openapi.Responses = {
    200: openapi.answer(record_of({"calculator_version": TEXT, "result": list_of(_FACE)})),
    **_FAILURES,
}
STATUS: openapi.Responses = {
    200: openapi.answer(
        record_of(
            {
                "status": {"const": "OK"},
                "build_version": TEXT,
                "calculator_version": TEXT,
                "similarity_coefficients": list_of(NUMBER),
                "available_plugins": map_of(TEXT),
            }
        )
    ),
    **openapi.refusals((500, 503), _FAILURE, meanings=_MEANINGS),
}
HEALTH: openapi.Responses = {
    200: openapi.answer(record_of({"status": {"const": "OK"}})),
    **openapi.refusals((500, 503), _FAILURE, meanings=_MEANINGS),
}

BASE64: dict[str, Any] = {
    "type": "object",
    "required": [FILE],
    "properties": {FILE: {"type": "string", "format": "byte", "description": "The picture."}},
}

PARAMETERS: list[dict[str, Any]] = [
    {"in": "query", "name": name, "required": False, "description": text, "schema": schema}
    for name, text, schema in (
        ("limit", "Most faces to answer, the largest; 0: all.", {"type": "integer", "minimum": 0, "default": 0}),
        ("det_prob_threshold", "Score above which a face counts.", {"type": "number", "minimum": 0, "maximum": 1}),
        ("face_plugins", "Slugs of plugins to run, comma-separated.", {"type": "string"}),
        ("detect_faces", "`false`: the whole picture is one face.", {"type": "string", "default": "true"}),
    )
]
"""As OpenAPI describes them; in forms they may also be fields."""
