from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from vultus.engine import FaceEngine
from vultus.errors import EngineError
from vultus.server import app as apps
from vultus.server.app import create_app
from vultus.server.canary import STALE, Canary
from vultus.settings import Settings

pytestmark = pytest.mark.unit


def test_a_ready_server_says_so(client: Any) -> None:
    assert client.get("/live").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready"}


def test_a_server_lives_before_it_is_ready(start_app: Callable[..., Any]) -> None:
    may_start, told = threading.Event(), threading.Event()

    def engine_factory(settings: Settings) -> FaceEngine:
        assert may_start.wait(30)
        return FaceEngine(settings)

    app = create_app(Settings(runtime="dummy", streams=1), engine_factory, on_ready=lambda _: told.set())
    client_type = type(start_app())
    with client_type(app) as client:
        assert client.get("/live").status_code == 200
        early = client.get("/ready")
        assert early.status_code == 503
        assert early.json()["code"] == "not_ready"
        assert "vultus_ready 0.0" in client.get("/metrics").text
        assert client.post("/v1/faces", content=b"x").json()["code"] == "not_ready"
        assert client.get("/v1/info").status_code == 503
        may_start.set()
        assert told.wait(30)
        assert client.get("/ready").status_code == 200
        assert "vultus_ready 1.0" in client.get("/metrics").text


class Breakable(FaceEngine):
    """An engine whose work can be made to fail."""

    broken = False

    def submit(self, *given: Any, **more: Any) -> Future[Any]:
        if self.broken:
            raise EngineError("smoke")
        return super().submit(*given, **more)


class Watched(Canary):
    """A canary whose intervals end when the test says so, and which tells when its flights have."""

    def __init__(self, engine: Callable[[], FaceEngine]) -> None:
        super().__init__(engine, lambda: self.now, self.rest)
        self.now = 1000.0
        self.rests = asyncio.Semaphore(0)
        self.may_fly = asyncio.Event()

    async def rest(self, _: float) -> None:
        self.rests.release()
        await self.may_fly.wait()
        self.may_fly.clear()

    async def fly_once(self) -> None:
        """One flight of ``watch``; it must rest now."""
        self.may_fly.set()
        await asyncio.wait_for(self.rests.acquire(), 30)


def test_a_server_whose_self_check_fails_or_is_lost_is_not_ready(
    start_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries: list[Watched] = []
    engines: list[Breakable] = []

    def make_canary(engine: Callable[[], FaceEngine]) -> Canary:
        canaries.append(Watched(engine))
        return canaries[0]

    def make_engine(settings: Settings) -> FaceEngine:
        engines.append(Breakable(settings))
        return engines[0]

    monkeypatch.setattr(apps, "Canary", make_canary)
    client = start_app(engine_factory=make_engine, streams=1)
    [canary], [engine] = canaries, engines
    client.run(asyncio.wait_for(canary.rests.acquire(), 30))
    assert client.get("/ready").status_code == 200

    engine.broken = True
    client.run(canary.fly_once())
    broken = client.get("/ready")
    assert (broken.status_code, broken.headers["retry-after"]) == (503, "1")
    assert broken.headers["content-type"] == "application/problem+json"
    assert (broken.json()["code"], broken.json()["status"]) == ("engine_failed", 503)
    assert "smoke" in broken.json()["detail"]
    assert client.get("/live").status_code == 200
    assert client.get("/health").status_code == 500  # InsightFace-REST's word for it

    engine.broken = False
    client.run(canary.fly_once())
    assert client.get("/ready").status_code == 200

    canary.now += STALE
    stale = client.get("/ready")
    assert (stale.status_code, stale.json()["code"]) == (503, "engine_failed")


def test_metrics_tell_of_requests_pictures_stages_faces_and_the_queue(
    start_app: Callable[..., Any], squares: Callable[..., bytes]
) -> None:
    client = start_app()
    client.post("/v1/faces", files=[("file", squares((1, 1), (1, 2))), ("file", b"no picture")])
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'vultus_requests_total{route="/v1/faces",status="200"} 1.0',
        'vultus_request_seconds_count{route="/v1/faces"} 1.0',
        'vultus_pictures_total{outcome="ok"} 1.0',
        'vultus_pictures_total{outcome="picture_format_unsupported"} 1.0',
        'vultus_stage_seconds_count{stage="decode"} 1.0',
        'vultus_stage_seconds_count{stage="detect"} 1.0',
        'vultus_stage_seconds_count{stage="embed"} 1.0',
        "vultus_faces_total 2.0",
        "vultus_queue_length 0.0",
        "vultus_requests_in_flight 1.0",
    ):
        assert line in answer.text.splitlines()
