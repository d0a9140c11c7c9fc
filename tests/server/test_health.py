from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from vultus.engine import FaceEngine
from vultus.server.app import create_app
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
