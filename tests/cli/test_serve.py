"""``vultus serve``: settings reach the server, failures become exit codes, and the real program serves and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import Result

import vultus.server.run
import vultus.server.supervisor
from vultus.settings import Settings

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings of the servers that were started; none really is, and each says 0."""
    seen: list[Settings] = []

    def serve(settings: Settings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(vultus.server.run, "serve", serve)
    return seen


def test_options_and_environment_reach_the_server(
    run: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VULTUS_PORT", "1234")
    monkeypatch.setenv("VULTUS_LOG_LEVEL", "debug")
    result = run("serve", "--port", 0, "--dialects", "none", "--fetch-urls", "--max-request-bytes", "1MiB")
    assert result.exit_code == 0, result.output
    [settings] = served
    assert (settings.port, settings.log_level, settings.dialects) == (0, "debug", ())
    assert settings.fetch_urls
    assert settings.max_request_bytes == 2**20


def test_more_workers_than_one_are_supervised(
    run: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised: list[int] = []

    def serve(settings: Settings) -> int:
        supervised.append(settings.workers)
        return 0

    monkeypatch.setattr(vultus.server.supervisor, "serve", serve)
    for workers in (1, 2):
        assert run("serve", "--workers", workers).exit_code == 0
    assert [settings.workers for settings in served] == [1]
    assert supervised == [2]


def test_the_servers_exit_code_is_the_programs(run: Run, monkeypatch: pytest.MonkeyPatch, dummy: None) -> None:
    monkeypatch.setattr(vultus.server.run, "serve", lambda settings: 1)
    assert run("serve").exit_code == 1


@pytest.mark.parametrize(
    ("options", "code", "exit_code"),
    [
        (["--runtime", "openvino"], "model_unavailable", 3),
        (["--runtime", "openvino", "--license-policy", "permissive"], "model_license_refused", 3),
        (["--pack", "no-such-pack"], "model_unknown", 2),
        (["--dialects", "klingon"], "settings_invalid", 2),
        (["--host", "a..b"], "address_unavailable", 2),
        (["--workers", "2", "--pack", "no-such-pack"], "model_unknown", 2),
        (["--workers", "2", "--runtime", "openvino"], "model_unavailable", 3),
        (["--workers", "2", "--host", "a..b"], "address_unavailable", 2),
    ],
)
def test_what_prevents_the_start_is_told_once_and_by_the_exit_code(
    dummy: None, options: list[str], code: str, exit_code: int
) -> None:
    command = [sys.executable, "-m", "vultus", "serve", "--port", "0", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == exit_code, result.stderr
    assert result.stderr.count(code) == 1
    assert "Traceback" not in result.stderr
    assert "cannot start" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_real_program_tells_its_address_serves_and_stops(dummy: None, make_picture: Callable[..., Path]) -> None:
    picture = make_picture("one.png", [(3, 2)])
    command = [sys.executable, "-m", "vultus", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(word for word in process.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
            with httpx.Client(base_url=address, timeout=30) as client:
                while client.get("/ready").status_code != httpx.codes.OK:
                    assert process.poll() is None
                answer = client.post("/v1/faces", files={"file": picture.read_bytes()})
        finally:
            process.send_signal(signal.SIGINT)
        _, log = process.communicate()
    assert answer.status_code == httpx.codes.OK, answer.text
    assert "[96" in json.dumps(answer.json())
    assert process.returncode == 0, log
    assert "Traceback" not in log
