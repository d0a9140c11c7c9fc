"""Forms with files under fixed names, refused as FastAPI does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException

from vultus.errors import RequestError
from vultus.server.multipart import Part, parse_form
from vultus.server.wire import media_type

_LONGEST_TEXT = 200  # characters of a wrong value that are told back


class WrongForm(RequestError):
    """A form that lacks a file.

    Args:
        entries: What is wrong with it, as FastAPI tells it.
    """

    def __init__(self, entries: Sequence[Mapping[str, object]]) -> None:
        super().__init__("the form does not validate")
        self.entries = entries


def parse_files(content_type: str | None, body: bytes, names: Sequence[str]) -> list[bytes]:
    """The files of a form in the order of ``names``; see ``parse_parts`` and ``files_of``."""
    return files_of(parse_parts(content_type, body), names)


def parse_parts(content_type: str | None, body: bytes) -> dict[str, Part]:
    """The parts of a form by name, of several of one name the last; none if the body is not called a form.

    Raises:
        HTTPException: 400, the body is no form, though it is called one.
    """
    if media_type(content_type) != "multipart/form-data":
        return {}
    try:
        return {part.name: part for part in parse_form(content_type or "", body)}
    except RequestError as error:
        raise HTTPException(400, error.message) from None


def files_of(parts: Mapping[str, Part], names: Sequence[str]) -> list[bytes]:
    """The files among a form's parts, in the order of ``names``.

    Raises:
        WrongForm: One is missing, or came without a file name.
    """
    if wrong := [entry for name in names if (entry := _fault(name, parts.get(name)))]:
        raise WrongForm(wrong)
    return [parts[name].data for name in names]


def form_of(names: Sequence[str]) -> dict[str, Any]:
    """Such a form in OpenAPI's words, for ``openapi_extra``."""
    file = {"type": "string", "format": "binary"}
    schema = {"type": "object", "properties": dict.fromkeys(names, file), "required": list(names)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _fault(name: str, part: Part | None) -> dict[str, object] | None:
    if part is not None and part.filename is not None:
        return None
    if part is None or not part.data:
        return {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None}
    return {
        "type": "value_error",
        "loc": ["body", name],
        "msg": "Value error, Expected UploadFile, received: <class 'str'>",
        "input": part.data[:_LONGEST_TEXT].decode("utf-8", "replace"),
        "ctx": {"error": {}},
    }
