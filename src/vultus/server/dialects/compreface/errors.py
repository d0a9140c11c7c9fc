"""Errors as CompreFace's core tells them: ``{"message": ...}``. Its Java side looks at the status alone."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vultus.errors import PictureError, RequestError, SelfCheckFailed, VultusError
from vultus.server.dialects.shared import NOT_A_PICTURE
from vultus.server.problems import detail_of, headers_of, status_of
from vultus.server.wire import JSON

HEADERS: Mapping[str, str] = MappingProxyType(
    {"cache-control": "max-age=0, no-cache, no-store, must-revalidate, proxy-revalidate"}
)
"""On every answer."""

_BROKEN = "Image has incorrect format or is broken"
_OF_HTTP: Mapping[int, str] = MappingProxyType(
    {
        404: "The requested URL was not found on the server. If you entered the URL manually please check your "
        "spelling and try again.",
        405: "The method is not allowed for the requested URL.",
    }
)


def render(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as every dialect's
    """The answer to a request that failed: 400 for all its caller can mend, as Java takes the rest for a failure."""
    status = _status(error)
    content = {"message": _message(error, status)}
    if isinstance(error, VultusError):
        content["code"] = error.code
    return Response(orjson.dumps(content), status, {**headers_of(error), **HEADERS}, JSON)


def _status(error: Exception) -> int:
    if isinstance(error, PictureError | RequestError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, SelfCheckFailed):  # as where a model could not be loaded there
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return status_of(error)


def _message(error: Exception, status: int) -> str:
    if isinstance(error, VultusError) and status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{type(error).__name__}: {error.message}"
    if isinstance(error, HTTPException):
        detail = _OF_HTTP.get(status, detail_of(error))
    else:
        detail = _BROKEN if isinstance(error, NOT_A_PICTURE) else detail_of(error)
    return f"{status} {_reason(status)}: {detail}"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a status that is not registered
        return "Error"
