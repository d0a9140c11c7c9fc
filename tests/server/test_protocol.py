"""One connection at a time, its clock turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest
import uvicorn
from uvicorn.server import ServerState

from vultus.server.body import Pace
from vultus.server.protocol import ConnectionLimits, GuardedProtocol
from vultus.settings import load_settings

pytestmark = pytest.mark.unit

LIMITS = ConnectionLimits(connections=3, fields=5, head_bytes=200, read_seconds=10, write=Pace(10, 100))
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class Timer:
    def __init__(self, due: float, call: Callable[[], object]) -> None:
        self.due, self.call = due, call

    def cancel(self) -> None:
        self.due = float("inf")


class Task:
    def add_done_callback(self, _: object) -> None: ...


class Loop:
    """As much of an event loop as a connection needs."""

    def __init__(self) -> None:
        self.now, self.timers = 0.0, list[Timer]()

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, Any]) -> Task:
        work.close()
        return Task()

    def turn_to(self, now: float) -> None:
        while due := [timer for timer in self.timers if timer.due <= now]:
            timer = min(due, key=lambda timer: timer.due)
            self.timers.remove(timer)
            self.now = timer.due
            timer.call()
        self.now = now


class Transport:
    """A connection whose client reads when it is told to."""

    def __init__(self) -> None:
        self.sent, self.unsent, self.end = b"", 0, ""
        self.is_read = True

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def is_closing(self) -> bool:
        return bool(self.end)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, _: str) -> None: ...

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    @property
    def problem(self) -> tuple[int, str]:
        """Status and limit of what was answered."""
        head, _, body = self.sent.partition(b"\r\n\r\n")
        return int(head.split()[1]), orjson.loads(body).get("limit", "")


class Connection:
    def __init__(self, others: int = 0) -> None:
        async def app(scope: object, receive: object, send: object) -> None: ...

        self.loop, self.transport = Loop(), Transport()
        config = uvicorn.Config(app, log_config=None, ws="none", interface="asgi3", timeout_keep_alive=3)
        state = ServerState()
        state.connections |= {object() for _ in range(others)}  # type: ignore[misc]
        self.protocol = GuardedProtocol(LIMITS, config, state, {}, self.loop)  # type: ignore[arg-type]
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]

    def ending(self) -> str:
        """How the server ended it; empty where it did not."""
        return self.transport.end

    def say(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def answer(self, body: bytes = b"done") -> None:
        """Answer the request that came first of those not answered."""
        length = b"%d" % len(body)
        for message in (
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]},
            {"type": "http.response.body", "body": body},
        ):
            with pytest.raises(StopIteration):
                self.protocol.cycle.send(message).send(None)  # type: ignore[arg-type]


def test_limits_are_those_of_the_settings() -> None:
    settings = load_settings(
        max_connections=5,
        max_headers=7,
        max_header_bytes=2000,
        read_timeout=1.5,
        write_timeout=2.5,
        min_transfer_rate=9,
    )
    assert ConnectionLimits.of(settings) == ConnectionLimits(5, 7, 2000, 1.5, Pace(2.5, 9))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([HEAD + b"A: b\r\n" * 4 + b"\r\n"], (431, "max_headers")),
        ([HEAD, *[b"A: b\r\n"] * 5], (431, "max_headers")),
        ([b"GET /" + b"a" * 200 + b" HTTP/1.1\r\n\r\n"], (431, "max_header_bytes")),
        ([b"GET /" + b"a" * 200], (431, "max_header_bytes")),
        ([b"GET /", *[b"a" * 50] * 5], (431, "max_header_bytes")),
        ([HEAD + b"A: " + b"b" * 200 + b"\r\n\r\n"], (431, "max_header_bytes")),
        ([HEAD + b"A: ", *[b"b" * 50] * 5], (431, "max_header_bytes")),
        ([HEAD + b"b", b"b" * 201], (431, "max_header_bytes")),
        ([WHOLE, HEAD + b"b", b"b" * 201], (431, "max_header_bytes")),
        ([CHUNKED + b"0\r\nA: ", *[b"b" * 50] * 5], (431, "max_header_bytes")),
        ([CHUNKED + b"0\r\n", *[b"A: b\r\n"] * 6], (431, "max_headers")),
        ([CHUNKED + b"1;", *[b"b" * 50] * 5], (431, "max_header_bytes")),
        ([CHUNKED + b"1\r\nx\r\n1;", *[b"b" * 50] * 5], (431, "max_header_bytes")),
        ([b"\r\n" * 101], (431, "max_header_bytes")),
        ([b"\x16\x03\x01 no HTTP"], (400, "")),
        ([b"\x16\x03\x01 no HTTP" * 99], (400, "")),
    ],
)
def test_a_head_beyond_a_limit_is_refused_with_its_name(pieces: list[bytes], expected: tuple[int, str]) -> None:
    connection = Connection()
    for piece in pieces:
        connection.say(piece)
        if piece is WHOLE:
            connection.answer()
            connection.transport.sent = b""
    assert connection.transport.problem == expected
    assert connection.ending() == "closed"


def test_a_connection_too_many_is_told_to_come_again() -> None:
    connection = Connection(others=3)
    connection.say(WHOLE)
    assert connection.transport.problem == (429, "max_connections")
    assert b"\r\nretry-after: 1\r\n" in connection.transport.sent
    assert connection.ending() == "closed"


def test_a_connection_too_many_that_says_nothing_is_closed_long_before_others() -> None:
    last, extra = Connection(others=2), Connection(others=3)
    for connection in (last, extra):
        connection.loop.turn_to(1.5)
    assert (last.ending(), extra.ending()) == ("", "closed")
    last.say(WHOLE)
    assert not last.transport.sent


def test_nothing_more_is_read_while_requests_wait_for_others_to_be_answered() -> None:
    connection = Connection()
    connection.say(WHOLE)
    first = connection.protocol.cycle
    connection.say(WHOLE * 2)
    read = [connection.transport.is_read]
    for cycle in [first, *[waiting for waiting, _ in reversed(connection.protocol.pipeline)]]:
        connection.protocol.cycle, last = cycle, connection.protocol.cycle
        connection.answer()
        connection.protocol.cycle = last
        read.append(connection.transport.is_read)
    assert read == [False, False, True, True]


def test_who_sends_very_many_requests_ahead_of_their_answers_is_cut_off() -> None:
    connection = Connection()
    connection.say(WHOLE * 100)
    assert not connection.transport.sent
    connection.say(WHOLE * 5000)
    assert connection.transport.problem == (429, "")
    assert connection.ending() == "closed"
    assert len(connection.protocol.pipeline) < 100


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_head_within_the_limits_passes_in_any_pieces(size: int) -> None:
    connection = Connection()
    data = HEAD + b"A: " + b"b" * 100 + b"\r\n\r\n" + b"body"
    for start in range(0, len(data), size):
        connection.say(data[start : start + size])
    assert not connection.transport.sent
    assert connection.protocol.cycle.body == b"body"
    assert not connection.protocol.cycle.more_body


def test_requests_that_come_together_are_no_long_head() -> None:
    connection = Connection()
    connection.say(WHOLE * 9 + HEAD)
    connection.say(b"A: " + b"b" * 100 + b"\r\n\r\n")
    assert not connection.transport.sent
    assert not connection.ending()


def test_small_chunks_are_no_long_trailer() -> None:
    connection = Connection()
    connection.say(CHUNKED)
    for _ in range(99):
        connection.say(b"1\r\n")
        connection.say(b"x\r\n")
    connection.say(b"0\r\nA: b\r\n\r\n")
    assert connection.protocol.cycle.body == b"x" * 99
    assert not connection.protocol.cycle.more_body
    assert not connection.ending()


def test_a_refusal_is_a_problem_as_all_others_are() -> None:
    connection = Connection()
    connection.say(HEAD)
    connection.loop.turn_to(10)
    head, _, body = connection.transport.sent.partition(b"\r\n\r\n")
    problem = orjson.loads(body)
    assert (problem["code"], problem["title"]) == ("request_too_slow", "Request too slow")
    assert f"x-request-id: {problem['request_id']}".encode() in head


def test_a_long_body_is_no_long_head() -> None:
    connection = Connection()
    connection.say(HEAD.replace(b"4", b"9000") + b"\r\n")
    for _ in range(9):
        connection.say(b"b" * 1000)
    connection.answer()
    connection.say(WHOLE)
    assert connection.transport.sent.count(b"HTTP/1.1") == 1
    assert not connection.ending()


@pytest.mark.parametrize("said", [b"", b"\r\n"])
def test_a_silent_connection_is_closed_without_a_word(said: bytes) -> None:
    connection = Connection()
    connection.say(said)
    connection.loop.turn_to(9)
    assert not connection.ending()
    connection.loop.turn_to(10)
    assert (connection.transport.sent, connection.ending()) == (b"", "closed")


def test_a_head_that_drips_is_refused_in_time() -> None:
    connection = Connection()
    for second in range(10):
        connection.loop.turn_to(second)
        connection.say(HEAD[second : second + 1])
        assert not connection.ending()
    connection.loop.turn_to(10)
    assert connection.transport.problem == (408, "read_timeout")


def test_line_ends_between_requests_keep_no_connection_open() -> None:
    connection = Connection()
    connection.say(WHOLE)
    connection.answer()
    for second in range(14):
        connection.loop.turn_to(second)
        if not connection.ending():
            connection.say(b"\r\n")
    assert connection.ending() == "closed"


def test_work_may_take_longer_than_reading() -> None:
    connection = Connection()
    connection.say(HEAD + b"\r\nbody")
    connection.loop.turn_to(1000)
    connection.answer()
    assert connection.transport.sent.endswith(b"done")
    assert not connection.ending()


def test_the_beginning_of_a_next_request_does_not_disturb_the_one_under_way() -> None:
    connection = Connection()
    connection.say(HEAD + b"\r\nbody" + WHOLE[:9])
    connection.loop.turn_to(25)
    assert not connection.ending()
    connection.answer()
    connection.loop.turn_to(40)
    assert connection.ending() == "closed"


def test_a_body_that_nobody_reads_is_waited_for_only_so_long() -> None:
    connection = Connection()
    connection.say(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.answer()
    for second in range(10):
        connection.loop.turn_to(second)
        connection.say(b"1\r\nx\r\n")
    assert not connection.ending()
    connection.loop.turn_to(10)
    assert connection.ending() == "closed"


def test_a_connection_is_kept_for_the_next_request_as_long_as_was_set() -> None:
    connection = Connection()
    connection.say(WHOLE)
    connection.answer()
    connection.loop.turn_to(2)
    assert not connection.ending()
    connection.loop.turn_to(3)
    assert connection.ending() == "closed"


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    connection = Connection()
    connection.say(WHOLE)
    connection.transport.unsent = 5000
    connection.answer()
    connection.loop.turn_to(9)
    assert connection.ending() != "aborted"
    connection.loop.turn_to(10)
    assert connection.ending() == "aborted"


@pytest.mark.parametrize(("left", "end"), [(3999, "closed"), (4001, "aborted")])
def test_a_client_that_takes_its_answer_slowly_is_judged_by_the_rate(left: int, end: str) -> None:
    connection = Connection()
    connection.say(WHOLE)
    connection.transport.unsent = 5000
    connection.answer()
    connection.loop.turn_to(9)
    connection.transport.unsent = left
    connection.loop.turn_to(10)
    assert connection.ending() == end
    connection.transport.unsent = 0
    connection.loop.turn_to(99)
    assert connection.ending() == end


def test_a_client_that_takes_nothing_of_what_is_written_bit_by_bit_is_cut_off() -> None:
    connection = Connection()
    connection.say(WHOLE)
    connection.transport.unsent = 5000
    connection.protocol.pause_writing()
    connection.loop.turn_to(10)
    assert connection.ending() == "aborted"


def test_a_lost_connection_leaves_no_timer() -> None:
    connection = Connection()
    connection.transport.unsent = 1
    connection.protocol.pause_writing()
    connection.say(HEAD)
    connection.protocol.connection_lost(None)
    assert all(timer.due == float("inf") for timer in connection.loop.timers)
