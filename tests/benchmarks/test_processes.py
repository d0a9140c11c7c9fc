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
    """Takes 100 MiB for each worker; on the simulated accelerator it computes 20 rows a batch."""

    def __init__(self, models: object, *, workers: str, **settings: str) -> None:
        self.is_simulated = settings.get("device") == "simulated"
        self.url = f"http://{'device' if self.is_simulated else ''}{workers}"
        self.rows = 0
        self.is_whole = False
        self._workers = int(workers)
        SERVERS[f"{self.url}/metrics"] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def wait_for_workers(self, workers: int) -> None:
        assert workers == self._workers
        self.is_whole = True

    def answer(self) -> httpx.Response:
        """What ``/metrics`` tells."""
        told = "# metrics\n"
        if self.is_simulated:
            told += f"vultus_batches_total {self.rows / 20}\nvultus_batch_rows_total {self.rows}.0\n"
        return httpx.Response(200, text=told)

    def peak_memory(self) -> int:
        return self._workers * 100 * 2**20


def load(url: str, body: Body, connections: int, seconds: float) -> Load:
    assert SERVERS[url.removesuffix("/v1/faces").removesuffix("/extract") + "/metrics"].is_whole
    if url.startswith("http://device"):
        server = SERVERS[f"{url.removesuffix('/v1/faces')}/metrics"]
        requests = round(400 * seconds)
        server.rows += 2 * requests  # a detection and an embedding each
        return Load(requests, requests, seconds, 10, 20, 30, 40, {})
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
    assert all(server.is_whole for server in SERVERS.values())
    SERVERS.clear()
    return {row.what: row.value for row in report.rows}


def test_each_number_of_workers_is_compared_with_one(rows: dict[str, float]) -> None:
    assert rows["1 worker: against 1"] == 1
    assert rows["2 workers: against 1"] == pytest.approx(1.8)
    assert rows["4 workers: throughput"] == pytest.approx(120)


def test_the_memory_is_that_of_all_processes(rows: dict[str, float]) -> None:
    assert [rows[f"{name}: peak memory"] for name in ("1 worker", "2 workers", "4 workers")] == [100, 200, 400]


def test_a_devices_batches_are_those_of_the_load(rows: dict[str, float]) -> None:
    for name in ("in one process", "2 fronts and a device process"):
        assert rows[f"simulated accelerator, {name}: rows a batch"] == 20
        assert rows[f"simulated accelerator, {name}: throughput"] == 400
        # 800 rows a second of 64 in 4 ms + 64 x 0.25 ms
        assert rows[f"simulated accelerator, {name}: rows/s / ideal"] == pytest.approx(800 / 3200)
