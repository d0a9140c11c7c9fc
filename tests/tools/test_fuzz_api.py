"""Every endpoint does what its OpenAPI document says (the short form of ``make fuzz-api``), and a lie is found out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from schemathesis.engine import from_schema
from tools.fuzz_api import CONFIG, Report

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def test_no_check_fails_at_any_endpoint(pytestconfig: pytest.Config) -> None:
    command = [sys.executable, "tools/fuzz_api.py", "--examples", "5", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, last = done.stdout.splitlines()
    found = re.fullmatch(r"(\d+) cases, (\d+) endpoints, 0 failures", last)
    assert found, done.stdout
    assert int(found.group(1)) > 1000
    assert int(found.group(2)) == 24
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nschemathesis: {last}")


def test_an_endpoint_that_does_not_do_as_documented_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    app = FastAPI()

    @app.get("/number", responses={200: {"content": {"application/json": {"schema": {"type": "integer"}}}}})
    def number() -> Response:
        return JSONResponse("none")

    @app.get("/broken")
    def broken() -> Response:
        return JSONResponse("none", 500)

    report = Report()
    config = schemathesis.Config.from_path(CONFIG)
    config.projects.override.generation.update(max_examples=2)
    for event in from_schema(schemathesis.openapi.from_asgi("/openapi.json", app, config=config)).execute():
        report.hear(event)
    assert report.end() == 1
    told = capsys.readouterr().out
    assert "FAILED GET /number: response_schema_conformance" in told
    assert "FAILED GET /broken: not_a_server_error" in told
    assert "FAILED GET /broken: status_code_conformance" in told
