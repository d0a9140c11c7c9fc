"""How the benchmark of worker processes reads its loads; servers and load are made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Self

import httpx
import pytest

from benchmarks import processes
from benchmarks.load import Body, Load
from benchmarks.subject import Options

pytestmark = pytest.mark.unit

RATES = {"1": 100, "2": 180, "4": 120}


class MadeUpServer:
    """Takes 100 MiB for each worker."""

    def __init__(self, models: object, *, workers: str) -> None:
        self.url = f"http://{workers}"
        self._workers = int(workers)
        SERVERS[f"{self.url}/metrics"] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def wait_ready(self, seconds: float) -> None:
        self.asked = 0

    def check_alive(self, deadline: float) -> None:
        pass

    def answer(self) -> httpx.Response:
        """What ``/metrics`` tells: one more worker is ready each time."""
        self.asked += 1
        return httpx.Response(200, text=f"# metrics\nvultus_workers {self.asked}.0\n")

    def peak_memory(self) -> int:
        return self._workers * 100 * 2**20


def load(url: str, body: Body, connections: int, seconds: float) -> Load:
    rate = RATES[url.removeprefix("http://").removesuffix("/extract")]
    requests = round(rate * seconds)
    return Load(requests, requests, seconds, 10, 20, 30, 40, {})


SERVERS: dict[str, MadeUpServer] = {}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    picture = tmp_path / "one.jpg"
    picture.write_bytes(b"a picture")
    monkeypatch.setattr(processes, "Server", MadeUpServer)
    monkeypatch.setattr("benchmarks.processes.pictures.make", lambda: SimpleNamespace(one_face=picture))
    monkeypatch.setattr("benchmarks.processes.httpx.get", lambda url: SERVERS[url].answer())
    monkeypatch.setattr("benchmarks.processes.time.sleep", lambda _: None)
    monkeypatch.setattr("benchmarks.processes.places.models", lambda: (tmp_path,))
    monkeypatch.setattr("benchmarks.processes.load.run", load)
    monkeypatch.setattr("benchmarks.processes.load.version", lambda: "none")
    report = processes.run(Options(quick=True))
    assert [server.asked for server in SERVERS.values()] == [0, 2, 4]  # loaded only when all were ready
    SERVERS.clear()
    return {row.what: row.value for row in report.rows}


def test_each_number_of_workers_is_compared_with_one(rows: dict[str, float]) -> None:
    assert rows["1 worker: against 1"] == 1
    assert rows["2 workers: against 1"] == pytest.approx(1.8)
    assert rows["4 workers: throughput"] == pytest.approx(120)


def test_the_memory_is_that_of_all_processes(rows: dict[str, float]) -> None:
    assert [rows[f"{name}: peak memory"] for name in ("1 worker", "2 workers", "4 workers")] == [100, 200, 400]
