"""A server whose networks cannot be had: it says so, and lives until whoever runs it decides otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stubs import stub

from vultus.errors import ModelUnavailable
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a server whose cached networks are not what the catalogue describes."""
    catalogue, cache = tmp_path / "models.toml", tmp_path / "cache"
    catalogue.write_text(
        stub("found", "detection", "scrfd", file='"found.onnx"')
        + stub("known", "embedding", "arcface", file='"known.onnx"'),
        encoding="utf-8",
    )
    cache.mkdir()
    for name in ("found.onnx", "known.onnx"):
        (cache / name).write_bytes(b"what is left after a disk has failed")
    return Settings(
        models=(catalogue,), detector="found", embedder="known", model_cache=cache, offline=True, runtime="openvino"
    )


def test_damaged_networks_end_the_start_with_an_error_and_requests_are_refused(
    settings: Settings, start_app: Callable[..., Any]
) -> None:
    failures: list[BaseException] = []
    failed = threading.Event()

    def fail(error: BaseException) -> None:
        failures.append(error)
        failed.set()

    with type(start_app(streams=1))(create_app(settings, on_failure=fail)) as client:
        assert failed.wait(60)
        [error] = failures
        assert isinstance(error, ModelUnavailable)
        assert "offline is on" in error.message
        assert client.get("/live").status_code == 200
        for answer in (client.get("/ready"), client.post("/v1/faces", content=b"x"), client.get("/v1/info")):
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.headers["retry-after"] == "1"
        assert "vultus_ready 0.0" in client.get("/metrics").text
