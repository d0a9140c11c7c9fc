"""Bodies of requests: JSON, MessagePack or a form."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from vultus.server.dialects.files import files_of, parse_parts
from vultus.server.dialects.insightface_rest.errors import Unprocessable
from vultus.server.dialects.insightface_rest.request import Asked, Draw
from vultus.server.wire import is_json, is_packed, load_json, load_packed, media_type
from vultus.settings import INSIGHTFACE_REST_FLAGS, Settings

A = TypeVar("A", bound=Asked)

_FILE = "file"


def defaults_of(settings: Settings) -> dict[str, Any]:
    """Values of fields that a request does not have."""
    flags = {name: name in settings.ifr_flags for name in INSIGHTFACE_REST_FLAGS}
    return {"threshold": settings.ifr_threshold, **flags}


def parse(kind: type[A], content_type: str | None, body: bytes, settings: Settings) -> tuple[A, bool]:
    """A request in JSON or MessagePack, and whether it was MessagePack.

    Raises:
        Unprocessable: A field is missing or of the wrong type, or the body is no JSON.
        HTTPException: 400, the body is no MessagePack.
    """
    name = media_type(content_type)
    packed = is_packed(name)
    if packed and body:
        document = _load_packed(body)
    elif body and (not name or is_json(name)):
        document = _load_json(body)
    else:
        document = body.decode("utf-8", "replace") or None
    if document is None:
        raise Unprocessable([{"type": "missing", "loc": (), "msg": "Field required", "input": None}])
    asked = _validated(kind, document)
    absent = {name: value for name, value in defaults_of(settings).items() if _lacks(asked, name)}
    return asked.model_copy(update=absent), packed


def parse_drawing_form(content_type: str | None, body: bytes) -> Draw:
    """A drawing's request as a form: the picture is its ``file``, other fields are named as in JSON; empty is unset.

    Raises:
        WrongForm: The file is missing, or came without a file name.
        Unprocessable: A field is of the wrong type.
        HTTPException: 400, the body is no form.
    """
    parts = parse_parts(content_type, body)
    [picture] = files_of(parts, (_FILE,))
    fields = {name: part.data for name, part in parts.items() if name != _FILE and part.data}
    texts = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return _validated(Draw, {**texts, "images": {"data": [picture]}})


def _validated(kind: type[A], document: Any) -> A:  # noqa: ANN401 - whatever the client sent
    try:
        return kind.model_validate(document, from_attributes=True)
    except ValidationError as error:
        raise Unprocessable(error.errors(include_url=False, include_context=False)) from None


def _lacks(asked: Asked, name: str) -> bool:
    """Whether a request leaves a field to its default: a number also where it is null."""
    if name not in type(asked).model_fields:
        return False
    return name not in asked.model_fields_set or (name == "threshold" and asked.threshold is None)


def _load_json(body: bytes) -> Any:  # noqa: ANN401 - whatever the client sent
    try:
        return load_json(body)
    except ValueError:
        pass
    # The original reads with the standard library, which knows NaN, and whose words its clients get to see.
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        place, text = error.pos, error.msg
    except (ValueError, RecursionError) as error:
        place, text = 0, str(error)
    raise Unprocessable(
        [{"type": "json_invalid", "loc": (place,), "msg": "JSON decode error", "input": {}, "ctx": {"error": text}}]
    )


def _load_packed(body: bytes) -> Any:  # noqa: ANN401
    try:
        return load_packed(body)
    except ValueError:
        raise HTTPException(400, "There was an error parsing the body") from None
