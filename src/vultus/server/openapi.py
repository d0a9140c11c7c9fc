"""What endpoints say of their answers in OpenAPI: schemas put together of few words, and statuses that many share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from vultus.server.problems import MEDIA_TYPE as PROBLEM_TYPE
from vultus.server.wire import JSON

Schema: TypeAlias = dict[str, Any]
Responses: TypeAlias = dict[int | str, dict[str, Any]]

TEXT: Mapping[str, Any] = MappingProxyType({"type": "string"})
NUMBER: Mapping[str, Any] = MappingProxyType({"type": "number"})
WHOLE: Mapping[str, Any] = MappingProxyType({"type": "integer"})
FLAG: Mapping[str, Any] = MappingProxyType({"type": "boolean"})
ANYTHING: Mapping[str, Any] = MappingProxyType({})

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        400: "The body is not what its Content-Type says.",
        401: "No API key, or none that is known.",
        403: "The API key is not for this.",
        408: "The body came too slowly.",
        413: "More bytes, pictures, parts or pixels than the server takes.",
        415: "A Content-Type, or a format of pictures, that is not read here.",
        422: "A field is missing, unknown, of the wrong type or out of range, or a picture cannot be used.",
        429: "Too much is under way; `Retry-After` says when to come again.",
        500: "The engine failed, or a fault of the server's; its log says more under the request's id.",
        503: "Not warm yet, ending, out of memory, or not done in time; come again.",
    }
)
"""What a status means on any path."""

RETRY_AFTER: Mapping[str, Any] = MappingProxyType(
    {"Retry-After": {"description": "Seconds after which to come again.", "schema": {"type": "integer", "minimum": 1}}}
)


def record_of(required: Mapping[str, Any], optional: Mapping[str, Any] = MappingProxyType({})) -> Schema:
    """An object with these keys and no others."""
    fields = {name: dict(schema) for name, schema in {**required, **optional}.items()}
    return {"type": "object", "properties": fields, "required": [*required], "additionalProperties": False}


def map_of(schema: Mapping[str, Any]) -> Schema:
    """An object whose keys are not known beforehand."""
    return {"type": "object", "additionalProperties": dict(schema)}


def list_of(schema: Mapping[str, Any], count: int | None = None) -> Schema:
    """A list; of exactly ``count`` items, if that is given."""
    exactly = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": dict(schema), **exactly}


def either(*schemas: Mapping[str, Any]) -> Schema:
    """Any of some schemas."""
    return {"anyOf": [dict(schema) for schema in schemas]}


def nullable(schema: Mapping[str, Any]) -> Schema:
    """The same, or null."""
    return either(schema, {"type": "null"})


def answer(schema: Mapping[str, Any], example: object = None, packed: Iterable[str] = (), text: str = "Done.") -> Any:  # noqa: ANN401 - OpenAPI
    """The response to a request that could be served: JSON, or the same in the types ``packed``."""
    content: dict[str, Any] = {JSON: {"schema": dict(schema)} | ({} if example is None else {"example": example})}
    return {"description": text, "content": content | {kind: {} for kind in packed}}


def refusals(
    statuses: Iterable[int],
    schema: Mapping[str, Any],
    media_type: str = JSON,
    meanings: Mapping[int, str] = MappingProxyType({}),
) -> Responses:
    """The responses to requests that fail as a whole, which all look alike.

    Args:
        statuses: Which there are.
        schema: How they look.
        media_type: Theirs.
        meanings: Of statuses that mean something else than on other paths, or more.
    """
    return {
        status: {
            "description": meanings.get(status, MEANINGS[status]),
            "content": {media_type: {"schema": dict(schema)}},
            **({"headers": dict(RETRY_AFTER)} if status in (429, 503) else {}),
        }
        for status in statuses
    }


PROBLEM = record_of(
    {
        "type": TEXT,
        "title": TEXT,
        "status": WHOLE,
        "detail": {"type": "string", "description": "What happened and what to do, for a person."},
        "code": {"type": "string", "description": "What happened, for a program; stable."},
        "request_id": TEXT,
    },
    {"limit": {"type": "string", "description": "The setting whose limit was met."}},
)
"""RFC 9457, as ``problems.render`` writes it."""


def problems(*statuses: int) -> Responses:
    """``refusals`` as ``application/problem+json``."""
    return refusals(statuses, PROBLEM, PROBLEM_TYPE)


def with_refusals_of_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a server that asks for keys: every operation may answer 401 and 403, as its other errors look."""
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            model = next((responses[status] for status in ("503", "500") if status in responses), None)
            for status in (401, 403):
                content = model["content"] if model and "content" in model else {PROBLEM_TYPE: {"schema": PROBLEM}}
                responses.setdefault(str(status), {"description": MEANINGS[status], "content": content})
    return document
