"""A server that is alone ends when it is of no use any more: by the clock of the test, and a real one that is stuck."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from vultus.cli.output import exit_code_of
from vultus.errors import EngineError, NotReady, SelfCheckFailed
from vultus.server.watchdog import EXIT_STUCK, LEAST_SILENCE, Watchdog

TIMEOUT = 60


class Yard:
    """A watchdog with sixty seconds' patience, and all it sees and does."""

    def __init__(self, patience: float = 60.0) -> None:
        self.now = 1000.0
        self.trouble: EngineError | None = None
        self.ends: list[SelfCheckFailed] = []
        self.timers: list[float] = []
        self.watchdog = Watchdog(self, patience, self.ends.append, lambda: self.now, self.timers.append)  # type: ignore[arg-type]

    def check(self) -> None:
        if self.trouble:
            raise self.trouble

    def pass_by(self, seconds: int) -> None:
        for _ in range(seconds):
            asyncio.run(self.watchdog.beat())
            self.now += 1


@pytest.mark.unit
def test_a_server_that_works_is_left_alone_and_its_timer_put_off() -> None:
    yard = Yard()
    yard.pass_by(300)
    assert not yard.ends
    assert yard.timers == [60.0] * 300


@pytest.mark.unit
def test_one_whose_self_check_fails_long_enough_ends_once_and_says_why() -> None:
    yard = Yard()
    yard.trouble = SelfCheckFailed("no self check has come back")
    yard.pass_by(60)
    assert not yard.ends
    yard.pass_by(60)
    [error] = yard.ends
    assert "no self check has come back" in error.message
    assert yard.timers[-1] > 0  # should it not end by itself
    assert len(yard.timers) == 62


@pytest.mark.unit
def test_a_self_check_that_comes_back_in_time_makes_all_good() -> None:
    yard = Yard()
    for _ in range(5):
        yard.trouble = SelfCheckFailed("lost")
        yard.pass_by(59)
        yard.trouble = None
        yard.pass_by(1)
    assert not yard.ends


@pytest.mark.unit
def test_without_an_engine_nobody_is_stuck() -> None:
    yard = Yard()
    yard.trouble = NotReady("starting")
    yard.pass_by(300)
    assert not yard.ends


@pytest.mark.unit
def test_an_event_loop_may_stand_still_for_half_a_minute_however_short_the_patience() -> None:
    yard = Yard(patience=1.0)
    yard.pass_by(1)
    assert yard.timers == [LEAST_SILENCE]


@pytest.mark.unit
def test_the_exit_code_is_that_of_an_engine_that_fails() -> None:
    assert exit_code_of(SelfCheckFailed("stuck")) == EXIT_STUCK


PROGRAM = """
import os, sys, time
import vultus.server.canary as canary, vultus.server.run as run, vultus.server.watchdog as watchdog
import vultus.runtime.dummy as dummy
from vultus.cli import main
canary.INTERVAL, canary.STALE = 0.2, 1.0
watchdog.LEAST_SILENCE = float(os.environ["SILENCE"])
def stuck(self, batch, ticket, run=dummy.DummyNetwork.run):
    if os.path.exists(os.environ["GATE"]):
        open(os.environ["GATE"]).read()  # nobody ever opens the other end
    return run(self, batch, ticket)
dummy.DummyNetwork.run = stuck
def create_app(*args, make=run.create_app, **options):
    app = make(*args, **options)
    async def block():
        time.sleep(1000)
    app.add_api_route("/block", block)
    return app
run.create_app = create_app
sys.argv = ["vultus", "serve"]
main()
"""


class Server:
    """A real server whose networks hang once there is a pipe at ``gate``.

    Its event loop may stand still for ``silence`` seconds: a busy machine must not take them for a hanging network's.
    """

    def __init__(self, folder: Path, silence: float = TIMEOUT, **settings: str) -> None:
        self.gate = folder / "gate"
        given = {"runtime": "dummy", "port": "0", "streams": "1", "stuck_timeout": "1", **settings}
        environment = {f"VULTUS_{name.upper()}": value for name, value in given.items()}
        environment |= {
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "GATE": str(self.gate),
            "SILENCE": str(silence),
        }
        environment |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stderr
        found = re.search(r"http://127\.0\.0\.1:\d+", self.process.stdout.readline())
        assert found, self.end()
        self.url = found.group()
        while "ready: dummy" not in self.process.stderr.readline():
            assert self.process.poll() is None

    def end(self) -> tuple[int, str]:
        """Exit code and log, once it has ended; nobody asks it to."""
        try:
            _, log = self.process.communicate(timeout=TIMEOUT)
        finally:
            self.process.kill()
        return self.process.returncode, log


@pytest.mark.integration
def test_a_server_whose_network_hangs_is_not_ready_answers_who_waits_and_ends_with_an_error(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    server = Server(tmp_path)
    assert httpx.get(f"{server.url}/ready", timeout=TIMEOUT).status_code == 200
    os.mkfifo(server.gate)
    seen: set[int] = set()
    answers: list[httpx.Response] = []

    def ask() -> None:
        headers = {"content-type": "image/png"}
        answers.append(httpx.post(f"{server.url}/v1/faces", content=squares(), headers=headers, timeout=TIMEOUT))

    def watch() -> None:
        with httpx.Client(timeout=TIMEOUT) as client:
            try:
                while True:
                    seen.add(client.get(f"{server.url}/ready").status_code)
            except httpx.TransportError:
                return

    threads = [threading.Thread(target=ask), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    status, log = server.end()
    for thread in threads:
        thread.join(TIMEOUT)
    assert status == EXIT_STUCK, log
    assert "the engine has not worked for 1 seconds (stuck_timeout)" in log
    assert "engine_failed" in log
    assert "Traceback" not in log
    assert 503 in seen
    assert [answer.status_code for answer in answers] == [503]


@pytest.mark.integration
def test_a_server_whose_event_loop_stands_still_is_cut_off_and_tells_where_it_stood(tmp_path: Path) -> None:
    server = Server(tmp_path, silence=2)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{server.url}/block", timeout=TIMEOUT)
    status, log = server.end()
    assert status == 1
    assert "Timeout (0:00:02" in log
    assert "in block" in log


@pytest.mark.integration
def test_where_told_so_it_does_not_end(tmp_path: Path) -> None:
    server = Server(tmp_path, stuck_timeout="0")
    os.mkfifo(server.gate)
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        while client.get("/ready").status_code == 200:
            pass
        for _ in range(50):
            assert client.get("/ready").status_code == 503
    server.process.terminate()
    assert server.end()[0] == 0
