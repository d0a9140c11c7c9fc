"""What the load generator says, and when it is believed."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load
from benchmarks.places import Missing

OUTPUT = """Running 1s test @ http://127.0.0.1:18999/extract
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    44.05ms    2.10ms  52.08ms   90.00%
  138 requests in 1.00s, 10.00KB read
Requests/sec:    137.81

{"requests": 138, "good": 138, "seconds": 2.0, "p50_ms": 43.988, "p90_ms": 48.0, "p99_ms": 52.032, "max_ms": 52.079, \
"errors": {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}}
"""


@pytest.mark.unit
def test_parse_reads_the_last_line() -> None:
    result = load.parse(OUTPUT)
    assert (result.requests, result.good, result.p50_ms, result.p99_ms) == (138, 138, 43.988, 52.032)
    assert result.per_second == 69
    assert result.clean


@pytest.mark.unit
@pytest.mark.parametrize(
    ("found", "put"),
    [
        ('"good": 138', '"good": 137'),
        ('"timeout": 0', '"timeout": 1'),
        ('"requests": 138, "good": 138', '"requests": 0, "good": 0'),
    ],
)
def test_a_stretch_with_one_bad_answer_or_none_at_all_is_not_clean(found: str, put: str) -> None:
    assert not load.parse(OUTPUT.replace(found, put)).clean


@pytest.mark.unit
def test_a_missing_load_generator_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Missing, match="make load-generator"):
        load.version()


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = (self.path, self.headers["Content-Type"], self.headers["Accept"], body)
        answer = b'{"faces": [1]}' if asked == ("/in", "a/b", "c/d", b"\0\xff") else b'{"faces": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs the load generator wrk")
def test_real_load_is_posted_as_given_and_every_answer_checked(server: str) -> None:
    body = load.Body(b"\0\xff", "a/b", "c/d", '"faces": [1')
    assert load.run(f"{server}/in", body, connections=2, seconds=1).good > 0
    with pytest.raises(RuntimeError, match="0 were good"):
        load.run(f"{server}/elsewhere", body, connections=2, seconds=1)


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs the load generator wrk")
def test_the_version_is_that_of_the_program_itself() -> None:
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    assert said.startswith(load.version())
