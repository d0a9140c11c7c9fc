from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive

from vultus.errors import Cancelled, Overloaded, RequestTooLarge
from vultus.server.body import call_on_disconnect, read_body

pytestmark = pytest.mark.unit


def receiving(messages: Iterable[Message], read: list[Message]) -> Receive:
    waiting = iter(messages)

    async def receive() -> Message:
        read.append(next(waiting))
        return read[-1]

    return receive


def chunks(*bodies: bytes) -> list[Message]:
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": i < last} for i, body in enumerate(bodies)]


def read(messages: list[Message], limit: int, announced: str | None = None) -> tuple[bytes, list[Message]]:
    headers = [] if announced is None else [(b"content-length", announced.encode())]
    seen: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    return asyncio.run(read_body(Request(scope, receiving(messages, seen)), limit)), seen


def test_chunks_are_put_together() -> None:
    assert read(chunks(b"ab", b"", b"cd"), 10)[0] == b"abcd"


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert read(chunks(b"abcd"), 4, "4")[0] == b"abcd"


@pytest.mark.parametrize("announced", ["5", "9" * 30, "9" * 5000])
def test_an_announced_length_beyond_the_limit_is_refused_before_reading(announced: str) -> None:
    seen: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", announced.encode())]}
    with pytest.raises(RequestTooLarge, match="more than 4 bytes") as raised:
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abcde"), seen)), 4))
    assert raised.value.limit == "max_request_bytes"
    assert not seen


@pytest.mark.parametrize("announced", [None, "3", "-1", "many"])
def test_bytes_are_counted_whatever_was_announced(announced: str | None) -> None:
    with pytest.raises(RequestTooLarge):
        read(chunks(b"abc", b"de", b"never read"), 4, announced)


def test_reading_stops_at_the_chunk_that_is_too_much() -> None:
    seen: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    with pytest.raises(RequestTooLarge):
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abc", b"de", b"f"), seen)), 4))
    assert [message["body"] for message in seen] == [b"abc", b"de"]


@pytest.mark.parametrize(
    ("announced", "held"), [(None, [0, 2, 3]), ("5", [5]), ("4", [4, 1]), ("many", [0, 2, 3]), ("0", [0, 2, 3])]
)
def test_bytes_are_held_when_they_are_announced_or_else_as_they_come(announced: str | None, held: list[int]) -> None:
    headers = [] if announced is None else [(b"content-length", announced.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    told: list[int] = []
    asyncio.run(read_body(Request(scope, receiving(chunks(b"ab", b"cde"), [])), 10, told.append))
    assert told == held


def test_bytes_that_may_not_be_held_are_not_read() -> None:
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"4")]}
    seen: list[Message] = []

    def refuse(_: int) -> None:
        raise Overloaded("full")

    with pytest.raises(Overloaded):
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abcd"), seen)), 10, refuse))
    assert not seen


def test_a_client_that_goes_away_half_way_ends_the_request() -> None:
    with pytest.raises(Cancelled):
        read([{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.disconnect"}], 10)


@pytest.mark.parametrize(("kind", "calls"), [("http.disconnect", 1), ("http.request", 0)])
def test_work_is_given_up_when_the_client_goes_away(kind: str, calls: int) -> None:
    called: list[bool] = []
    asyncio.run(call_on_disconnect(receiving([{"type": kind}], []), lambda: called.append(True)))
    assert len(called) == calls
