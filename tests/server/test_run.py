from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from vultus.errors import VultusError
from vultus.server.run import serve
from vultus.settings import load_settings
try:
    sys.exit(serve(load_settings()))
except VultusError as error:
    sys.exit(f"{error.code}: {error.message}")
"""
BREAKING = """
import vultus.server.app
vultus.server.app._warm = lambda engine, dialects: 1 // 0
try:"""
COUNTING = """
import atexit, gc
atexit.register(lambda: sys.stderr.write(f"spared: {gc.get_freeze_count()}\\n"))
try:"""
GATED = """
import vultus.server.lifecycle
import vultus.walk
vultus.server.lifecycle._PATIENCE = 0.1
inner = vultus.walk.Walk.analyze
def analyze(self, source, *given):
    if isinstance(source, bytes):
        print("working", flush=True)
        open(GATE).close()  # waits until somebody opens the other end
    return inner(self, source, *given)
vultus.walk.Walk.analyze = analyze
"""
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Process:
    """A server in a process of its own, on a free port of loopback."""

    def __init__(self, program: str = PROGRAM, **settings: str) -> None:
        given = {"runtime": "dummy", "port": "0", "host": "127.0.0.1", "streams": "1", **settings}
        environment = {f"VULTUS_{name.upper()}": value for name, value in given.items()}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2] / "src")
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stderr
        self.log: list[str] = []
        self.is_ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.greeting = self.process.stdout.readline()

    @property
    def port(self) -> int:
        found = ADDRESS.search(self.greeting)
        assert found, "".join(self.log)
        return int(found.group(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(60)
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        return status

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.log.append(line)
            if "ready" in line:
                self.is_ready.set()
        self.is_ready.set()


@pytest.fixture(scope="module")
def server() -> Iterator[Process]:
    process = Process()
    assert process.is_ready.wait(60)
    yield process
    process.end()


def test_it_says_where_it_is_and_where_its_documentation_is(server: Process) -> None:
    assert f"{server.url}/docs" in server.greeting
    assert server.port != 0


def test_it_answers_over_a_real_connection(server: Process, squares: Callable[..., bytes]) -> None:
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/ready").status_code == 200
        answer = client.post("/v1/faces", files=[("file", squares((1, 1)))])
        assert len(answer.json()["pictures"][0]["faces"]) == 1
        assert client.post("/extract", json={"images": {"data": []}}).json()["data"] == []


def test_it_names_each_networks_licence_once(server: Process) -> None:
    notices = [line for line in server.log if "licence" in line]
    assert len(notices) == 3
    assert all("no commercial use" in line for line in notices)


def test_clients_that_vanish_do_not_hurt(server: Process, squares: Callable[..., bytes]) -> None:
    body = squares((1, 1))
    head = b"POST /v1/faces HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(body)
    for sent in (b"POST /v1", head, head + body[:100], head + body):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)
    answer = httpx.post(f"{server.url}/v1/faces", content=body, headers={"content-type": "image/png"})
    assert len(answer.json()["pictures"][0]["faces"]) == 1


def test_a_refused_upload_leaves_the_connection_usable(server: Process) -> None:
    with httpx.Client(base_url=server.url) as client:
        refused = client.post("/v1/faces", content=b"x" * (64 * 2**20 + 1), headers={"content-type": "image/png"})
        assert refused.status_code == 413
        assert client.get("/live").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked_to(number: int) -> None:
    process = Process()
    assert process.is_ready.wait(60)
    assert process.end(number) == 0


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def ask_gated(gate: Path, picture: bytes, **settings: str) -> tuple[Process, threading.Thread, list[httpx.Response]]:
    """A server, and a request of it that stands at the gate."""
    process = Process(f"GATE = {str(gate)!r}\n{GATED}{PROGRAM}", **settings)
    assert process.is_ready.wait(60)
    answers: list[httpx.Response] = []

    def ask() -> None:
        headers = {"content-type": "image/png"}
        answers.append(httpx.post(f"{process.url}/v1/faces", content=picture, headers=headers, timeout=60))

    thread = threading.Thread(target=ask)
    thread.start()
    assert process.process.stdout
    assert process.process.stdout.readline() == "working\n"
    return process, thread, answers


def test_asked_to_end_it_finishes_what_is_under_way_and_refuses_the_rest(
    gate: Path, squares: Callable[..., bytes]
) -> None:
    process, thread, answers = ask_gated(gate, squares((1, 1)))
    kept = httpx.Client(base_url=process.url)
    assert kept.get("/ready").status_code == 200
    process.process.send_signal(signal.SIGTERM)
    while (ready := httpx.get(f"{process.url}/ready")).status_code == 200:
        pass  # the signal is on its way
    refused = kept.post("/v1/faces", content=squares(), headers={"content-type": "image/png"})
    kept.close()
    for answer in (ready, refused):
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.headers["connection"] == "close"
    assert not answers
    gate.write_bytes(b"")
    thread.join(60)
    assert answers[0].status_code == 200
    assert len(answers[0].json()["pictures"][0]["faces"]) == 1
    assert process.wait() == 0


def test_asked_to_end_it_gives_up_what_takes_too_long_and_says_so(gate: Path, squares: Callable[..., bytes]) -> None:
    process, thread, answers = ask_gated(gate, squares(), drain_timeout="0.2")
    assert process.end() == 0
    thread.join(60)
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "not_ready")
    assert answers[0].headers["connection"] == "close"


def test_a_start_that_fails_is_raised_and_not_told_twice() -> None:
    process = Process(pack="no-such-pack")
    assert process.wait() == 1
    [complaint] = [line for line in process.log if "no-such-pack" in line]
    assert complaint.startswith("model_unknown: ")
    assert not any("Traceback" in line for line in process.log)


def test_what_a_server_is_made_of_is_spared_from_the_garbage_collector() -> None:
    process = Process(program=PROGRAM.replace("try:", COUNTING))
    assert process.is_ready.wait(60)
    assert process.end() == 0
    [told] = [line for line in process.log if line.startswith("spared: ")]
    assert int(told.split()[1]) > 10_000


def test_an_unexpected_failure_is_logged_and_told_by_the_return_value() -> None:
    process = Process(program=PROGRAM.replace("try:", BREAKING))
    assert process.wait() == 1
    assert any("ZeroDivisionError" in line for line in process.log)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"dialects": "klingon"}, "settings_invalid"),
        ({"host": "203.0.113.1"}, "address_unavailable"),
        ({"host": "a..b"}, "address_unavailable"),
        ({"host": "x" * 80}, "address_unavailable"),
    ],
)
def test_what_cannot_be_served_is_named(settings: dict[str, str], code: str) -> None:
    process = Process(**settings)
    assert process.wait() == 1
    assert process.log[-1].startswith(f"{code}: ")
    assert next(iter(settings.values())) in process.log[-1]
    assert not any("Traceback" in line for line in process.log)


def test_a_port_that_is_taken_is_named(server: Process) -> None:
    process = Process(port=str(server.port))
    assert process.wait() == 1
    assert f"cannot listen on {server.url}" in process.log[-1]


def test_what_is_not_as_in_the_service_it_stands_in_for_is_warned_about_once() -> None:
    theirs = "import os\nos.environ['DET_BATCH_SIZE'] = '4'\n"
    process = Process(theirs + PROGRAM, compat="insightface-rest")
    process.is_ready.wait(60)
    assert process.end() == 0
    [warning] = [line for line in process.log if "DET_BATCH_SIZE is ignored" in line]
    assert " WARNING " in warning


def test_a_log_in_json_has_nothing_else_in_it_and_names_requests(squares: Callable[..., bytes]) -> None:
    process = Process(log_format="json", access_log="1", log_level="debug")
    assert process.is_ready.wait(60)
    headers = {"content-type": "image/png", "x-request-id": "r-1"}
    assert httpx.post(f"{process.url}/v1/faces", content=squares((1, 1)), headers=headers).status_code == 200
    assert process.end() == 0
    lines = [json.loads(line) for line in process.log]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    [access] = [line for line in lines if line["logger"] == "vultus.access"]
    assert (access["request_id"], access["route"], access["status"], access["faces"]) == ("r-1", "/v1/faces", 200, 1)
