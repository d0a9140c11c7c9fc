"""Errors as HTTP: which status each class has, and ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vultus import errors

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[errors.VultusError], int] = MappingProxyType(
    {
        errors.VultusError: 500,
        errors.PictureError: 422,
        errors.UnsupportedFormat: 415,
        errors.PictureTooLarge: 413,
        errors.TooManyPixels: 413,
        errors.TooManyScans: 413,
        errors.RequestError: 422,
        errors.RequestTooLarge: 413,
        errors.TooManyPictures: 413,
        errors.TooManyParts: 413,
        errors.BodyTooSlow: 408,
        errors.HeadTooLarge: 431,
        errors.UnsupportedMediaType: 415,
        errors.Unauthorized: 401,
        errors.Forbidden: 403,
        errors.NotReady: 503,
        errors.Overloaded: 429,
        errors.OutOfMemory: 503,
        errors.SelfCheckFailed: 503,
        errors.DeadlineExceeded: 503,
        errors.Cancelled: 499,  # nobody is there to read it; the number is for logs and metrics
    }
)
_RETRY_AFTER = {"retry-after": "1"}


def status_of(error: Exception) -> int:
    """HTTP status of an error: that of its nearest class; 500 for what was not raised on purpose."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def detail_of(error: Exception) -> str:
    """What a client may read about an error: never a stack trace."""
    if isinstance(error, HTTPException):
        return str(error.detail)
    if isinstance(error, errors.VultusError):
        return error.message
    return "something went wrong that should not have; the server's log says more under this request's id"


def headers_of(error: Exception) -> dict[str, str]:
    """Headers an error's answer carries: which methods are allowed, when to come again."""
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if isinstance(error, errors.Overloaded):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, errors.Unauthorized):  # RFC 6750, 3
        return {"www-authenticate": 'Bearer realm="vultus"' + (', error="invalid_token"' if error.is_given else "")}
    if isinstance(error, errors.Forbidden):
        return {"www-authenticate": 'Bearer realm="vultus", error="insufficient_scope"'}
    if isinstance(error, errors.BodyTooSlow):
        return {"connection": "close"}  # what is still to come cannot be told from a next request
    return dict(_RETRY_AFTER) if status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE else {}


def picture_problem(error: errors.VultusError) -> dict[str, str]:
    """One picture's error inside an answer whose other pictures may be good."""
    problem = {"code": error.code, "message": error.message}
    return problem | {"limit": error.limit} if error.limit else problem


def render(request: Request, error: Exception) -> Response:
    """The answer to a request that failed as a whole."""
    return Response(document(error, request.state.request_id), status_of(error), headers_of(error), MEDIA_TYPE)


def document(error: Exception, request_id: str) -> bytes:
    """The body of that answer."""
    code = _code(error)
    problem = {
        "type": f"urn:vultus:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status_of(error),
        "detail": detail_of(error),
        "code": code,
        "request_id": request_id,
    }
    if isinstance(error, errors.VultusError) and error.limit:
        problem["limit"] = error.limit
    return orjson.dumps(problem)


def _code(error: Exception) -> str:
    if isinstance(error, HTTPException):
        return HTTPStatus(error.status_code).name.lower()
    return error.code if isinstance(error, errors.VultusError) else errors.VultusError.code
