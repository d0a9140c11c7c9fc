"""A server of several processes, each of which tells its id and can be barred, and clients that never tire."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx

PROGRAM = """
import os, sys
from vultus.errors import VultusError
from vultus.server import supervisor
from vultus.settings import load_settings
{patches}
if __name__ == "__main__":
    try:
        sys.exit(supervisor.serve(load_settings()))
    except VultusError as error:
        sys.exit(f"{{error.code}}: {{error.message}}")
else:  # in a worker: tell which one it is
    import vultus.server.run as run
    def create_app(*args, make=run.create_app, **options):
        app = make(*args, **options)
        app.add_api_route("/pid", lambda: os.getpid())
        return app
    run.create_app = create_app
"""
BARRED = """
if __name__ != "__main__":
    from vultus.runtime import dummy
    def barred(self, batch, ticket, run=dummy.DummyNetwork.run):
        gate = f"{os.environ['GATE']}-{os.getpid()}"
        if os.path.exists(gate):
            open(gate).read()  # until the other end of the pipe is opened, and closed again
        return run(self, batch, ticket)
    dummy.DummyNetwork.run = barred
"""
TIMEOUT = 60


class Fleet:
    """A server of several processes, and what it says."""

    def __init__(self, folder: Path, patches: str = "", **settings: str) -> None:
        self.folder = folder
        program = folder / "program.py"
        program.write_text(PROGRAM.format(patches=BARRED + patches), encoding="utf-8")
        given = {"runtime": "dummy", "port": "0", "workers": "2", "streams": "1", **settings}
        self._gate = str(folder / "gate")
        environment = {f"VULTUS_{name.upper()}": value for name, value in given.items()}
        environment |= {
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "TMPDIR": str(folder),
            "GATE": self._gate,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.log: list[str] = []
        self._news = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        assert self.process.stdout
        self.greeting = self.process.stdout.readline()
        found = re.search(r"https?://127\.0\.0\.1:\d+", self.greeting)
        if not found:
            self.end()
            raise AssertionError("".join(self.log))
        self.url = found.group()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(TIMEOUT)
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        return status

    def wait_for(self, text: str, since: int = 0) -> None:
        """Until a line of the log, not one of the first ``since``, holds ``text``."""
        self.wait_for_line(re.escape(text), since)

    def wait_for_line(self, pattern: str, since: int = 0) -> None:
        """Until the pattern is found in a line of the log, not one of the first ``since``."""
        with self._news:
            heard = self._news.wait_for(
                lambda: self._has_ended or any(re.search(pattern, line) for line in self.log[since:]), TIMEOUT
            )
        assert heard, "".join(self.log)
        assert any(re.search(pattern, line) for line in self.log[since:]), "".join(self.log)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Until something holds that nobody tells of."""
        until = time.monotonic() + TIMEOUT
        while not holds():
            assert time.monotonic() < until, "".join(self.log)

    def connect(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=TIMEOUT)

    @contextmanager
    def workers(self) -> Iterator[dict[int, httpx.Client]]:
        """A connection to each worker, by process."""
        found: dict[int, httpx.Client] = {}
        with ExitStack() as stack:
            while len(found) < 2:
                client = stack.enter_context(self.connect())
                found.setdefault(client.get("/pid").json(), client)
            yield found

    def pids(self) -> set[int]:
        with self.workers() as workers:
            return set(workers)

    def bar(self, pid: int) -> Path:
        """A pipe at which this worker's networks wait."""
        gate = Path(f"{self._gate}-{pid}")
        os.mkfifo(gate)
        return gate

    def figures(self) -> dict[str, float]:
        text = httpx.get(f"{self.url}/metrics", timeout=TIMEOUT).text
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._news:
                self.log.append(line)
                self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()


class Caller(threading.Thread):
    """Posts a picture over and over; keeps its connection unless told otherwise."""

    def __init__(self, fleet: Fleet, picture: bytes, *, keep: bool = True) -> None:
        super().__init__()
        self._fleet = fleet
        self._picture = picture
        self._headers = {"content-type": "image/png"} | ({} if keep else {"connection": "close"})
        self._is_done = threading.Event()
        self.answered = threading.Event()
        self.pid = 0
        self.answers: list[int] = []
        self.lost = 0

    def run(self) -> None:
        with self._fleet.connect() as client:
            self.pid = client.get("/pid").json()
            while not self._is_done.is_set():
                try:
                    answer = client.post("/v1/faces", content=self._picture, headers=self._headers)
                except httpx.TransportError:
                    self.lost += 1
                else:
                    self.answers.append(answer.status_code)
                    self.answered.set()

    def finish(self) -> None:
        """Stop after one more answer."""
        self.answered.clear()
        assert self.answered.wait(TIMEOUT)
        self.stop()
        self.join()

    def stop(self) -> None:
        """Send nothing more."""
        self._is_done.set()
