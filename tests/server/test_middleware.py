from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from vultus.server.metrics import Metrics
from vultus.server.middleware import Access
from vultus.server.record import current

pytestmark = pytest.mark.unit


async def works(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route"] = Request(scope).state  # has no pattern: counted as unmatched
    await PlainTextResponse(scope["state"]["request_id"])(scope, receive, send)


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError("secret")


async def fails_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError("secret")


def render(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{type(error).__name__} {request.state.request_id}", 500)


def ask(
    app: Any, request_id: bytes | None = None, *, ending: bool = False
) -> tuple[int, dict[bytes, bytes], bytes, str]:
    """Status, headers, body, and the metrics afterwards."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    metrics = Metrics(lambda: 0, lambda: True)
    headers = [] if request_id is None else [(b"x-request-id", request_id)]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    asyncio.run(Access(app, metrics, render, lambda: ending)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"], metrics.exposition().decode()


def test_a_clients_request_id_comes_back() -> None:
    _, headers, body, _ = ask(works, b"order-66:a.b_c")
    assert headers[b"x-request-id"] == body == b"order-66:a.b_c"


@pytest.mark.parametrize("given", [None, b"", b"a b", b"a\r\nb", b"x" * 129, "ß".encode()])
def test_without_an_acceptable_id_one_is_made(given: bytes | None) -> None:
    _, headers, body, _ = ask(works, given)
    assert headers[b"x-request-id"] == body
    assert len(bytes.fromhex(body.decode())) == 16


def test_ids_differ() -> None:
    assert ask(works)[2] != ask(works)[2]


def test_what_escapes_becomes_an_answer_and_a_log_entry(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, headers, body, metrics = ask(fails, b"r-1")
    assert (status, body) == (500, b"ZeroDivisionError r-1")
    assert headers[b"x-request-id"] == b"r-1"
    assert "r-1" in caplog.text
    assert 'vultus_requests_total{route="unmatched",status="500"} 1.0' in metrics


def test_what_escapes_after_the_answer_began_is_left_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        ask(fails_late)


def test_requests_under_way_are_counted_down_again() -> None:
    assert "vultus_requests_in_flight 0.0" in ask(works)[3]
    assert "vultus_requests_in_flight 0.0" in ask(fails)[3]


def test_no_connection_is_kept_once_the_server_is_to_end() -> None:
    assert b"connection" not in ask(works)[1]
    assert ask(works, ending=True)[1][b"connection"] == b"close"
    assert ask(fails, ending=True)[1][b"connection"] == b"close"


def test_other_connections_pass_through() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    scope: Any = {"type": "lifespan"}
    asyncio.run(Access(inner, Metrics(lambda: 0, lambda: True), render)(scope, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_memory_that_ran_out_is_told_as_such() -> None:
    async def exhausted(scope: Scope, receive: Receive, send: Send) -> None:
        raise MemoryError

    assert ask(exhausted, b"r-1")[2] == b"OutOfMemory r-1"


def test_whoever_works_for_a_request_finds_its_id() -> None:
    seen: list[str | None] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        record = current()
        seen.append(record.request_id if record else None)
        await works(scope, receive, send)

    ask(look, b"r-1")
    assert seen == ["r-1"]
    assert current() is None
