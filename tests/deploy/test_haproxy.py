"""HAProxy in front of servers, as configured for several GPUs: on loopback, with real servers and with made-up ones."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from vultus.bench.server import ServerProcess
from vultus.settings import Settings

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs HAProxy: make balancer"),
]

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "compose" / "haproxy.cfg"
TIMEOUT = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Balancer:
    """HAProxy with the real configuration, its addresses aside, until the ``with`` statement ends."""

    def __init__(self, folder: Path, servers: Sequence[str]) -> None:
        port, figures = free_port(), free_port()
        self.url, self.figures = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{figures}/metrics"
        addresses = dict(enumerate(server.removeprefix("http://") for server in servers))
        text = CONFIGURATION.read_text().replace("bind :18081", f"bind 127.0.0.1:{port}")
        text = text.replace("bind :8405", f"bind 127.0.0.1:{figures}")
        text = re.sub(r"gpu(\d):18081", lambda match: addresses.get(int(match[1]), "127.0.0.1:1"), text)
        (folder / "haproxy.cfg").write_text(text)
        self._process = subprocess.Popen(
            ["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Balancer:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()

    def until_up(self, *servers: str) -> None:
        """Return once exactly these count as up."""
        deadline = time.monotonic() + TIMEOUT
        while self._up() != set(servers):
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)

    def _up(self) -> set[str]:
        try:
            text = httpx.get(self.figures, timeout=TIMEOUT).text
        except httpx.TransportError:
            return set()  # it starts
        return set(re.findall(r'^haproxy_server_status\{.*server="(\w+)",state="UP"\} 1$', text, re.MULTILINE))


class Answers(BaseHTTPRequestHandler):
    """A server whose readiness and answer are its class's; counts what it is asked."""

    ready, status, asked = 200, 200, 0

    def do_GET(self) -> None:
        self.send_response(self.ready)
        self.end_headers()

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.status)
        self.send_header("retry-after", "7")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def made_up() -> Iterator[Callable[..., tuple[str, type[Answers]]]]:
    """Starts servers that answer as told; gives address and what they were asked."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(**given: int) -> tuple[str, type[Answers]]:
        answers = type("Told", (Answers,), given)
        server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}", answers

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_is_killed_is_not_missed(tmp_path: Path, squares: Callable[..., bytes]) -> None:
    settings = Settings.model_validate({"runtime": "dummy", "streams": 1})
    with ServerProcess(settings) as one, ServerProcess(settings) as other:
        for server in (one, other):
            server.wait_ready()
        with Balancer(tmp_path, [one.url, other.url]) as balancer:
            balancer.until_up("gpu0", "gpu1")

            def ask() -> int:
                answer = httpx.post(
                    f"{balancer.url}/v1/faces",
                    content=squares((3, 3)),
                    headers={"content-type": "image/png"},
                    timeout=TIMEOUT,
                )
                return answer.status_code

            assert {ask() for _ in range(6)} == {200}
            os.kill(one.pid, signal.SIGKILL)
            assert {ask() for _ in range(6)} == {200}  # before it counts as down a connection to it is refused
            balancer.until_up("gpu1")
            assert {ask() for _ in range(6)} == {200}
            assert httpx.get(f"{balancer.url}/metrics", timeout=TIMEOUT).status_code == 404


def test_a_refusal_is_passed_on_once_and_its_server_stays(
    tmp_path: Path, made_up: Callable[..., tuple[str, type[Answers]]]
) -> None:
    url, answers = made_up(status=429)
    with Balancer(tmp_path, [url]) as balancer:
        balancer.until_up("gpu0")
        for count in range(1, 13):
            answer = httpx.post(f"{balancer.url}/v1/faces", content=b"picture", timeout=TIMEOUT)
            assert (answer.status_code, answer.headers["retry-after"], answers.asked) == (429, "7", count)


def test_what_is_not_ready_gets_nothing(tmp_path: Path, made_up: Callable[..., tuple[str, type[Answers]]]) -> None:
    (loading, spared), (ready, busy) = made_up(ready=503), made_up()
    with Balancer(tmp_path, [loading, ready]) as balancer:
        balancer.until_up("gpu1")
        for _ in range(6):
            assert httpx.post(f"{balancer.url}/extract", content=b"{}", timeout=TIMEOUT).status_code == 200
        assert (spared.asked, busy.asked) == (0, 6)
        busy.ready = 503  # it drains
        balancer.until_up()
        answer = httpx.post(f"{balancer.url}/extract", content=b"{}", timeout=TIMEOUT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not_ready"
        busy.ready = 200
        balancer.until_up("gpu1")
