"""Servers in processes of their own, and settings on their way there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from vultus.bench.processes import usage
from vultus.bench.server import ServerProcess, describe, environment
from vultus.errors import ServerUnreachable
from vultus.settings import Settings, load_settings


@pytest.mark.unit
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"dialects": (), "canvas": 320, "offline": True, "threshold": 0.25},
        {"model_path": (Path("a"), Path("b,c")), "attributes": ("x", "y"), "max_picture_bytes": 1_000_001},
        {"nms_threshold": 0.3, "compreface_build": "7", "precision": "auto"},
        {"keys": (f"a:v1:{'0' * 64}", f"b:*:{'1' * 64}:requests=0.5/2"), "keyless": ("metrics",), "open_paths": ()},
    ],
)
def test_settings_survive_the_way_through_the_environment(
    given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(**given)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.integration
def test_a_server_lives_as_long_as_it_is_needed() -> None:
    with ServerProcess(Settings(runtime="dummy", streams=1, canvas=320)) as server:
        server.wait_ready()
        told = describe(server.url)
        assert usage([server.pid]) is not None
    assert told["defaults"]["canvas"] == [320, 320]
    assert told["runtime"] == "dummy"
    assert usage([server.pid]) is None
    with pytest.raises(ServerUnreachable, match="does not answer"):
        describe(server.url)


@pytest.mark.integration
def test_it_asks_for_no_key_whatever_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with ServerProcess(Settings(runtime="dummy", streams=1, keys=(f"a:v1:{'0' * 64}",))) as server:
        server.wait_ready()
        assert describe(server.url)["runtime"] == "dummy"


@pytest.mark.integration
def test_what_a_products_environment_says_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_BACKEND", "triton")  # refused where it is read
    settings = Settings(runtime="dummy", streams=1, canvas=320, compat="insightface-rest")
    with ServerProcess(settings) as server:
        server.wait_ready()
        assert describe(server.url)["defaults"]["canvas"] == [320, 320]


@pytest.mark.integration
def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    wrong = Settings(offline=True, model_cache=tmp_path)
    with pytest.raises(ServerUnreachable, match="not in"), ServerProcess(wrong) as server:
        server.wait_ready()


@pytest.mark.integration
def test_where_nothing_listens_there_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ServerUnreachable):
        describe(address)
