from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from starlette.types import Message, Scope

from vultus.engine import FaceEngine
from vultus.imaging.fetch import Fetcher
from vultus.settings import Settings
from vultus.types import Analysis

pytestmark = pytest.mark.unit


class Occupied(FaceEngine):
    """An engine whose workers can be kept busy."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate = threading.Event()
        made.append(self)

    def occupy(self) -> None:
        self.gate.clear()
        held = threading.Barrier(self.workers.count + 1)

        def hold() -> None:
            held.wait(30)
            self.gate.wait(30)

        for _ in range(self.workers.count):
            self.workers.submit(hold)
        held.wait(30)


made: list[Occupied] = []


@pytest.fixture(scope="module")
def occupied(start_app: Callable[..., Any]) -> Iterator[tuple[Any, Occupied]]:
    client = start_app(engine_factory=Occupied, streams=1)
    yield client, made[-1]
    made[-1].gate.set()


def test_a_request_that_is_not_done_in_time_is_told_so(
    start_app: Callable[..., Any], squares: Callable[..., bytes]
) -> None:
    client = start_app(engine_factory=Occupied, streams=1, request_timeout=0.05)
    engine = made[-1]
    engine.occupy()
    try:
        answer = client.post("/v1/faces", files=[("file", squares())])
    finally:
        engine.gate.set()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "deadline_exceeded"
    assert answer.json()["limit"] == "request_timeout"


def test_a_body_that_never_ends_is_not_waited_for_beyond_the_deadline(start_app: Callable[..., Any]) -> None:
    client = start_app(request_timeout=0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        if not sent:
            await asyncio.Event().wait()
        raise AssertionError

    client.run(ask(client.app, receive, sent))
    assert sent[0]["status"] == 503


async def ask(
    app: Any,
    receive: Callable[[], Any],
    sent: list[Message],
    path: str = "/v1/faces",
    content_type: bytes = b"image/png",
) -> None:
    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"content-type", content_type)], "http_version": "1.1", "scheme": "http", "root_path": "",
        "server": ("test", 80), "client": ("test", 1),
    }  # fmt: skip
    await app(scope, receive, send)


def test_the_work_of_a_client_that_went_away_is_dropped(
    occupied: tuple[Any, Occupied], squares: Callable[..., bytes]
) -> None:
    client, engine = occupied
    engine.occupy()
    analyzed: list[Analysis] = []
    engine_analyze = engine._walk.analyze
    engine._walk.analyze = lambda *given: analyzed.append(engine_analyze(*given))  # type: ignore[method-assign, assignment]
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": squares(), "more_body": False}, {"type": "http.disconnect"}]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        message = next(messages)
        if message["type"] == "http.disconnect":  # the worker is let go once the server knows
            asyncio.get_running_loop().call_soon(engine.gate.set)
        return message

    client.run(ask(client.app, receive, sent))
    engine._walk.analyze = engine_analyze  # type: ignore[method-assign]
    assert sent[0]["status"] == 499
    assert not analyzed


def test_the_downloads_of_a_client_that_went_away_end(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []

    async def run() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def fetch(self: Fetcher, name: str, headers: Any, count: Any) -> bytes:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return b""

        monkeypatch.setattr(Fetcher, "fetch", fetch)
        messages: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": b'{"images": {"urls": ["http://a/"]}}', "more_body": False},
                {"type": "http.disconnect"},
            ]
        )

        async def receive() -> Message:
            message = next(messages)
            if message["type"] == "http.disconnect":
                await begun.wait()
            return message

        await asyncio.wait_for(ask(client.app, receive, sent, "/extract", b"application/json"), 30)
        await asyncio.wait_for(ended.wait(), 30)

    client.run(run())
    assert sent[0]["status"] == 499


def test_a_client_that_goes_away_while_sending_is_forgotten(client: Any) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    client.run(ask(client.app, receive, sent))
    assert sent[0]["status"] == 499
    assert client.get("/ready").status_code == 200


def test_a_body_that_is_too_long_is_refused(start_app: Callable[..., Any]) -> None:
    client = start_app(max_request_bytes=1000)

    async def stream() -> Any:
        yield b"x" * 600
        yield b"x" * 600

    for body in (b"x" * 1001, stream()):
        answer = client.post("/v1/faces", content=body, headers={"content-type": "image/png"})
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["code"], problem["limit"]) == ("request_bytes_exceeded", "max_request_bytes")
        assert problem["request_id"] == answer.headers["x-request-id"]


def test_too_many_pictures_are_refused(start_app: Callable[..., Any], squares: Callable[..., bytes]) -> None:
    client = start_app(max_request_pictures=2)
    files = [("file", squares())] * 3
    assert client.post("/v1/faces", files=files[:2]).status_code == 200
    answer = client.post("/v1/faces", files=files)
    assert answer.status_code == 413
    assert answer.json()["code"] == "request_pictures_exceeded"
    assert answer.json()["limit"] == "max_request_pictures"


def test_a_picture_beyond_a_limit_fails_alone(start_app: Callable[..., Any], squares: Callable[..., bytes]) -> None:
    client = start_app(max_picture_pixels=640 * 640)
    answer = client.post("/v1/faces", files=[("file", squares(side=1280)), ("file", squares((1, 1)))])
    assert answer.status_code == 200
    large, good = answer.json()["pictures"]
    assert (large["error"]["code"], large["error"]["limit"]) == ("picture_pixels_exceeded", "max_picture_pixels")
    assert len(good["faces"]) == 1


def test_an_error_inside_tells_the_client_nothing(
    occupied: tuple[Any, Occupied], squares: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, engine = occupied
    engine.gate.set()

    def breaks(*given: object) -> Analysis:
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr(engine._walk, "analyze", breaks)
    answer = client.post("/v1/faces", files=[("file", squares())])
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text
    dialect = client.post("/extract", content=orjson.dumps({"images": {"data": ["AAAA"]}}))
    assert dialect.status_code == 500
    assert dialect.json().keys() == {"detail"}
    assert "secret" not in dialect.text
