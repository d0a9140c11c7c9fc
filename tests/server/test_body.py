from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive

from vultus.errors import BodyTooSlow, Cancelled, Overloaded, RequestTooLarge
from vultus.server.body import Pace, read_body, watched

pytestmark = pytest.mark.unit

LEISURELY = Pace(math.inf, math.inf)


def hold_any(size: int) -> None: ...


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
    return asyncio.run(read_body(Request(scope, receiving(messages, seen)), limit, hold_any, LEISURELY)), seen


def test_chunks_are_put_together() -> None:
    assert read(chunks(b"ab", b"", b"cd"), 10)[0] == b"abcd"


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert read(chunks(b"abcd"), 4, "4")[0] == b"abcd"


@pytest.mark.parametrize("announced", ["5", "9" * 30, "9" * 5000])
def test_an_announced_length_beyond_the_limit_is_refused_before_reading(announced: str) -> None:
    seen: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", announced.encode())]}
    with pytest.raises(RequestTooLarge, match="more than 4 bytes") as raised:
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abcde"), seen)), 4, hold_any, LEISURELY))
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
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abc", b"de", b"f"), seen)), 4, hold_any, LEISURELY))
    assert [message["body"] for message in seen] == [b"abc", b"de"]


@pytest.mark.parametrize(
    ("announced", "held"), [(None, [0, 2, 3]), ("5", [5]), ("4", [4, 1]), ("many", [0, 2, 3]), ("0", [0, 2, 3])]
)
def test_bytes_are_held_when_they_are_announced_or_else_as_they_come(announced: str | None, held: list[int]) -> None:
    headers = [] if announced is None else [(b"content-length", announced.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    told: list[int] = []
    asyncio.run(read_body(Request(scope, receiving(chunks(b"ab", b"cde"), [])), 10, told.append, LEISURELY))
    assert told == held


def test_bytes_that_may_not_be_held_are_not_read() -> None:
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"4")]}
    seen: list[Message] = []

    def refuse(_: int) -> None:
        raise Overloaded("full")

    with pytest.raises(Overloaded):
        asyncio.run(read_body(Request(scope, receiving(chunks(b"abcd"), seen)), 10, refuse, LEISURELY))
    assert not seen


def test_a_client_that_goes_away_half_way_ends_the_request() -> None:
    with pytest.raises(Cancelled):
        read([{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.disconnect"}], 10)


@pytest.mark.parametrize(("kind", "calls"), [("http.disconnect", 1), ("http.request", 0)])
def test_work_is_given_up_when_the_client_goes_away(kind: str, calls: int) -> None:
    called: list[bool] = []
    told = asyncio.Event()

    async def receive() -> Message:
        told.set()
        return {"type": kind}

    async def work() -> None:
        with watched(receive, lambda: called.append(True), after=0):
            await told.wait()
            await asyncio.sleep(0)

    asyncio.run(work())
    assert len(called) == calls


def test_nobody_waits_for_a_client_to_go_away_that_is_soon_answered() -> None:
    async def work() -> set[asyncio.Task[None]]:
        with watched(receiving([], []), pytest.fail, after=60):
            await asyncio.sleep(0)
            return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(work()) == set()


def test_nobody_waits_on_for_a_client_that_was_answered() -> None:
    async def work() -> bool:
        waiting = asyncio.Event()

        async def receive() -> Message:
            waiting.set()
            await asyncio.Event().wait()
            raise AssertionError

        with watched(receive, pytest.fail, after=0):
            await waiting.wait()
            (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(work())


def test_a_body_that_stops_is_given_up() -> None:
    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    waiting: list[Message] = [{"type": "http.request", "body": b"ab", "more_body": True}]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    with pytest.raises(BodyTooSlow, match="only 2 bytes") as raised:
        asyncio.run(read_body(Request(scope, receive), 10, hold_any, Pace(0.01, 1000)))
    assert raised.value.limit == "read_timeout"


def test_a_body_gets_more_time_the_more_of_it_has_come() -> None:
    async def read_slowly() -> bytes:
        loop = asyncio.get_running_loop()
        hours = iter([0.0, 1.5, 3.5])  # allowed: 1, 2 once 100 bytes came, 4 once 300 did
        now = 0.0
        loop.time = lambda: now  # type: ignore[method-assign]
        messages = iter(chunks(b"a" * 100, b"b" * 200, b"c"))

        async def receive() -> Message:
            nonlocal now
            now = next(hours)
            return next(messages)

        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        return await read_body(Request(scope, receive), 1000, hold_any, Pace(1, 100))

    assert len(asyncio.run(read_slowly())) == 301
