from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.exceptions import HTTPException

from vultus import errors
from vultus.server.dialects.compreface.errors import render

pytestmark = pytest.mark.unit

REQUEST: Any = None
"""Nothing of it counts."""


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (errors.EmptyPicture("x"), 400, "400 Bad Request: Image has incorrect format or is broken"),
        (errors.UnsupportedFormat("x"), 400, "400 Bad Request: Image has incorrect format or is broken"),
        (errors.CorruptPicture("x"), 400, "400 Bad Request: Image has incorrect format or is broken"),
        (errors.TooManyPixels("too many"), 400, "400 Bad Request: too many"),
        (errors.RequestTooLarge("too large"), 400, "400 Bad Request: too large"),
        (errors.NoFaceFound("none"), 400, "400 Bad Request: none"),
        (errors.NotReady("it is starting"), 503, "503 Service Unavailable: it is starting"),
        (errors.DeadlineExceeded("late"), 503, "503 Service Unavailable: late"),
        (errors.SelfCheckFailed("smoke"), 500, "SelfCheckFailed: smoke"),
        (errors.EngineError("smoke"), 500, "EngineError: smoke"),
        (HTTPException(418, "short and stout"), 418, "418 I'm a Teapot: short and stout"),
        (HTTPException(599, "what"), 599, "599 Error: what"),
    ],
)
def test_statuses_and_texts(error: Exception, status: int, message: str) -> None:
    answer = render(REQUEST, error)
    content = orjson.loads(answer.body)
    assert (answer.status_code, content["message"]) == (status, message)
    assert content.get("code") == getattr(error, "code", None)
    assert answer.headers["cache-control"].startswith("max-age=0")
    assert status != 503 or answer.headers["retry-after"] == "1"


def test_a_bug_keeps_its_text_to_itself() -> None:
    answer = render(REQUEST, KeyError("secret"))
    assert answer.status_code == 500
    assert orjson.loads(answer.body).keys() == {"message"}
    assert b"secret" not in answer.body
