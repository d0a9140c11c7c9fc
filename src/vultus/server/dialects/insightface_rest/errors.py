"""Errors as InsightFace-REST's clients know them: ``{"detail": ...}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vultus.errors import RequestError, VultusError
from vultus.server.dialects.files import WrongForm
from vultus.server.dialects.shared import NOT_A_PICTURE
from vultus.server.problems import detail_of, headers_of, status_of
from vultus.server.wire import JSON

UNREADABLE = "Can't decode file, possibly not an image"
"""What the original says of a picture that is none; clients may look for it."""

_LONGEST_TEXT = 200  # characters of a wrong value that are told back
_MOST_ITEMS = 10
_DEEPEST = 3
_LARGEST = 2**63


class Unprocessable(RequestError):
    """A request whose fields do not validate.

    Args:
        entries: Errors as pydantic lists them, ``loc`` without the leading ``body``.
    """

    def __init__(self, entries: Sequence[Any]) -> None:
        super().__init__("the request does not validate")
        self.entries = [
            {**entry, "loc": ["body", *map(_shown, entry["loc"])], "input": _shown(entry.get("input"))}
            for entry in entries[:_MOST_ITEMS]
        ]


def render(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as every dialect's
    """The answer to a request that failed as a whole."""
    detail = error.entries if isinstance(error, Unprocessable | WrongForm) else detail_of(error)
    return Response(orjson.dumps({"detail": detail}, default=str), status_of(error), headers_of(error), JSON)


def picture_text(error: VultusError) -> str:
    """What stands in ``traceback`` for a picture that cannot be used."""
    return UNREADABLE if isinstance(error, NOT_A_PICTURE) else error.message


def _shown(value: object, depth: int = 0) -> object:
    """A wrong value as it is told back: short, and of JSON's types."""
    if isinstance(value, str):
        return _text(value) if len(value) <= _LONGEST_TEXT else _text(value[:_LONGEST_TEXT]) + "..."
    if value is None or isinstance(value, float) or (isinstance(value, int) and -_LARGEST <= value < _LARGEST):
        return value
    if isinstance(value, dict | list) and depth < _DEEPEST:
        if isinstance(value, list):
            return [_shown(item, depth + 1) for item in value[:_MOST_ITEMS]]
        items = list(value.items())[:_MOST_ITEMS]
        return {_text(str(name)[:_LONGEST_TEXT]): _shown(item, depth + 1) for name, item in items}
    return f"({type(value).__name__})"


def _text(text: str) -> str:
    """Text that UTF-8 can hold: JSON may spell halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")
