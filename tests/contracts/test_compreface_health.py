"""CompreFace's core service: ``/healthcheck``, 1.2, and what answers before it is ready; numbers as in
``test_compreface.py``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from vultus.detect.scrfd import Scrfd
from vultus.engine import FaceEngine
from vultus.errors import SelfCheckFailed
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


def find(client: Any, picture: bytes) -> Any:
    return client.post("/find_faces", files={"file": ("recalculated", picture)})


def test_while_it_starts_everything_answers_at_once(client: Any, squares: Squares) -> None:
    """13."""
    may_start, told = threading.Event(), threading.Event()

    def engine_factory(settings: Settings) -> FaceEngine:
        assert may_start.wait(30)
        return FaceEngine(settings)

    app = create_app(Settings(runtime="dummy", streams=1), engine_factory, on_ready=lambda _: told.set())
    with type(client)(app) as starting:
        for early in (
            starting.get("/healthcheck"),
            starting.get("/status"),
            find(starting, squares((1, 2))),
        ):
            assert (early.status_code, early.headers["retry-after"]) == (503, "1")
            assert early.json()["message"].startswith("503 Service Unavailable: ")
        may_start.set()
        assert told.wait(30)
        for path in ("/healthcheck", "/healthcheck/"):
            ready = starting.get(path)
            assert (ready.status_code, ready.json()) == (200, {"status": "OK"})


def test_after_a_failed_self_check_it_is_500(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.7: as where a model could not be loaded."""

    def fail(_: object) -> None:
        raise SelfCheckFailed("the last self check failed: smoke")

    monkeypatch.setattr("vultus.server.canary.Canary.check", fail)
    answer = client.get("/healthcheck")
    assert answer.status_code == 500
    assert answer.json()["message"].endswith("the last self check failed: smoke")


def test_health_waits_for_no_picture(start_app: Callable[..., Any], squares: Squares) -> None:
    """13: while all workers are held."""
    gate, held = threading.Event(), threading.Semaphore(0)
    detect = Scrfd.detect

    def hold(self: Scrfd, *given: Any) -> Any:
        held.release()
        assert gate.wait(30)
        return detect(self, *given)

    server = start_app(streams=1)
    files = {"file": ("recalculated", squares((1, 2)))}

    async def ask() -> Any:
        requests = [asyncio.create_task(server.post_async("/find_faces", files=files)) for _ in range(8)]
        try:
            assert await asyncio.to_thread(held.acquire, timeout=30)
            answers = [await server.get_async(path) for path in ("/healthcheck", "/status")]
            done = [request.done() for request in requests]
        finally:
            gate.set()
        return answers, done, await asyncio.gather(*requests)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scrfd, "detect", hold)
        at_once, done, later = server.run(ask())
    assert [answer.status_code for answer in at_once] == [200, 200]
    assert not any(done)
    assert [answer.status_code for answer in later] == [200] * 8
