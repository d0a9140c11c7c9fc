from __future__ import annotations

import orjson
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from vultus import errors
from vultus.server.problems import picture_problem, render, status_of

pytestmark = pytest.mark.unit


@pytest.fixture
def request_() -> Request:
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [], "state": {"request_id": "r-1"}})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RequestTooLarge("m"), 413),
        (errors.TooManyPictures("m"), 413),
        (errors.PictureTooLarge("m"), 413),
        (errors.TooManyPixels("m"), 413),
        (errors.UnsupportedFormat("m"), 415),
        (errors.UnsupportedMediaType("m"), 415),
        (errors.CorruptPicture("m"), 422),
        (errors.RequestError("m"), 422),
        (errors.NoFaceFound("m"), 422),
        (errors.WrongCropSize("m"), 422),
        (errors.Unauthorized("m"), 401),
        (errors.Forbidden("m"), 403),
        (errors.RateLimited("m"), 429),
        (errors.NotReady("m"), 503),
        (errors.Overloaded("m"), 429),
        (errors.DeadlineExceeded("m"), 503),
        (errors.EngineError("m"), 500),
        (errors.SelfCheckFailed("m"), 503),
        (errors.ModelUnavailable("m"), 500),
        (HTTPException(404), 404),
        (ZeroDivisionError("m"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    assert status_of(error) == status


def test_a_problem_has_the_members_of_rfc_9457_and_ours(request_: Request) -> None:
    response = render(request_, errors.RequestTooLarge("too much", limit="max_request_bytes"))
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert orjson.loads(response.body) == {
        "type": "urn:vultus:problem:request_bytes_exceeded",
        "title": "Request bytes exceeded",
        "status": 413,
        "detail": "too much",
        "code": "request_bytes_exceeded",
        "request_id": "r-1",
        "limit": "max_request_bytes",
    }


def test_a_problem_without_a_limit_names_none(request_: Request) -> None:
    assert "limit" not in orjson.loads(render(request_, errors.NoFaceFound("none")).body)


def test_who_comes_too_early_is_told_to_come_again(request_: Request) -> None:
    assert render(request_, errors.NotReady("warming")).headers["retry-after"] == "1"
    assert "retry-after" not in render(request_, errors.RequestError("m")).headers


def test_who_is_too_much_is_told_when_to_come_again(request_: Request) -> None:
    response = render(request_, errors.Overloaded("full", limit="max_queued_pictures", retry_after=7))
    assert response.headers["retry-after"] == "7"
    assert orjson.loads(response.body)["limit"] == "max_queued_pictures"


def test_errors_of_the_framework_keep_status_and_headers(request_: Request) -> None:
    response = render(request_, HTTPException(405, headers={"Allow": "POST"}))
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert orjson.loads(response.body)["code"] == "method_not_allowed"


def test_an_unexpected_error_tells_nothing_of_the_inside(request_: Request) -> None:
    response = render(request_, KeyError("/srv/someone/secret"))
    assert response.status_code == 500
    assert b"secret" not in response.body
    assert orjson.loads(response.body)["code"] == "internal_error"


def test_a_pictures_problem_is_small() -> None:
    assert picture_problem(errors.CorruptPicture("cut off")) == {"code": "picture_corrupt", "message": "cut off"}
    too_large = errors.PictureTooLarge("big", limit="max_picture_bytes")
    assert picture_problem(too_large)["limit"] == "max_picture_bytes"


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (errors.Unauthorized("m"), 'Bearer realm="vultus"'),
        (errors.Unauthorized("m", is_given=True), 'Bearer realm="vultus", error="invalid_token"'),
        (errors.Forbidden("m"), 'Bearer realm="vultus", error="insufficient_scope"'),
    ],
)
def test_who_is_not_let_in_learns_what_is_missing(request_: Request, error: Exception, challenge: str) -> None:
    """RFC 6750, 3.1; RFC 9110, 15.5.2: 401 has to carry a challenge."""
    assert render(request_, error).headers["www-authenticate"] == challenge


def test_who_was_too_fast_learns_when_to_come_again(request_: Request) -> None:
    assert render(request_, errors.RateLimited("m", retry_after=7)).headers["retry-after"] == "7"
