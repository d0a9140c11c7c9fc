"""How many worker processes a machine wants: throughput and memory of a server with each number of them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

import httpx

from benchmarks import bodies, load, pictures, places
from benchmarks.load import CONNECTIONS, Load
from benchmarks.report import Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options
from benchmarks.timing import in_turn, paired_ratio, spread

CANDIDATES = (1, 2, 4)
MIB = 2**20

_PATH = "/extract"


def run(options: Options) -> Report:
    """Throughput with each number of workers, in turn, and the memory all processes of each server took."""
    rounds, seconds = options.pick(7, 2), options.pick(6, 1)
    body = bodies.extract_json([pictures.make().one_face.read_bytes()])
    with ExitStack() as stack:
        servers = {str(n): stack.enter_context(Server(places.models(), workers=str(n))) for n in CANDIDATES}
        for name, server in servers.items():
            _wait_for_all(server, int(name))
            load.run(server.url + _PATH, body, CONNECTIONS, seconds)  # warm-up
        jobs = {name: partial(load.run, one.url + _PATH, body, CONNECTIONS, seconds) for name, one in servers.items()}
        loads = in_turn(jobs, rounds, alternate=True)
        memory = {name: server.peak_memory() / MIB for name, server in servers.items()}
    return Report(
        "processes",
        f"vultus serve --workers N, {_PATH}, one face, {CONNECTIONS} connections; load generator on the same cores",
        [row for name in servers for row in _rows(name, loads, memory[name])],
        notes=[
            f"{rounds} rounds in turn, every second one backwards; ratios are medians of the rounds' ratios.",
            "Every answer was checked to be 200 and to hold a face. The servers that do not take their turn are idle.",
            "The workers of a server share the cores: N workers have as many streams in all as one, or one each.",
            "Memory is the sum of the peaks of all processes of a server; pages they share are counted once for each.",
        ],
        models=NETWORKS[:2],
        detail={"wrk": load.version(), "loads": {name: list(map(asdict, each)) for name, each in loads.items()}},
    )


def _wait_for_all(server: Server, workers: int, seconds: float = 60) -> None:
    """Until all workers of a server are ready; ``/ready`` is answered by one of them."""
    server.wait_ready(seconds)
    deadline = time.monotonic() + seconds
    while workers > 1 and f"\nvultus_workers {workers}.0\n" not in httpx.get(f"{server.url}/metrics").text:
        server.check_alive(deadline)
        time.sleep(0.05)


def _rows(name: str, loads: dict[str, list[Load]], memory: float) -> list[Row]:
    rates = {workers: [load.per_second for load in each] for workers, each in loads.items()}
    workers = f"{name} worker" if name == "1" else f"{name} workers"
    return [
        Row(f"{workers}: throughput", spread(rates[name]).median, "pictures/s"),
        Row(f"{workers}: against 1", paired_ratio(rates[name], rates[str(CANDIDATES[0])])),
        Row(f"{workers}: latency p50", spread([load.p50_ms for load in loads[name]]).median, "ms"),
        Row(f"{workers}: latency p99", spread([load.p99_ms for load in loads[name]]).median, "ms"),
        Row(f"{workers}: peak memory", memory, "MiB"),
    ]
