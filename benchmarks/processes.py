"""How many worker processes a machine wants: throughput and memory of a server with each number of them.

Also on a simulated accelerator: in one process, and with front processes that share a device process.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from itertools import chain

import httpx
import numpy as np

from benchmarks import bodies, load, pictures, places
from benchmarks.load import CONNECTIONS, Load
from benchmarks.report import Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus.imaging.encode import encode_png
from vultus.runtime.simulated import MOST_ROWS
from vultus.runtime.simulated import seconds as device_seconds

CANDIDATES = (1, 2, 4)
FRONTS = (1, 2)  # of the simulated accelerator; 1: no device process
IDEAL = MOST_ROWS / device_seconds(MOST_ROWS)
"""Rows a second of the simulated accelerator in full batches without a pause between them."""
MIB = 2**20

_PATH = "/extract"
_NATIVE = "/v1/faces"
_CALLERS = 64
_CANVAS = 64  # pixels: only waiting is measured, not computing
_BEAT = 1.5  # seconds in which a device process has told what it has done, which it does every second


def run(options: Options) -> Report:
    """Throughput with each number of workers, in turn, and the memory all processes of each server took."""
    rounds, seconds = options.pick(7, 2), options.pick(6, 1)
    body = bodies.extract_json([pictures.make().one_face.read_bytes()])
    with ExitStack() as stack:
        servers = {str(n): stack.enter_context(Server(places.models(), workers=str(n))) for n in CANDIDATES}
        for name, server in servers.items():
            server.wait_for_workers(int(name))
            load.run(server.url + _PATH, body, CONNECTIONS, seconds)  # warm-up
        jobs = {name: partial(load.run, one.url + _PATH, body, CONNECTIONS, seconds) for name, one in servers.items()}
        loads = in_turn(jobs, rounds, alternate=True)
        memory = {name: server.peak_memory() / MIB for name, server in servers.items()}
    simulated = [_simulated(fronts, rounds, seconds) for fronts in FRONTS]
    return Report(
        "processes",
        f"vultus serve --workers N, {_PATH}, one face, {CONNECTIONS} connections; load generator on the same cores",
        [row for name in servers for row in _rows(name, loads, memory[name])] + [*chain(*simulated)],
        notes=[
            f"{rounds} rounds in turn, every second one backwards; ratios are medians of the rounds' ratios.",
            "Every answer was checked to be 200 and to hold a face. The servers that do not take their turn are idle.",
            "The workers of a server share the cores: N workers have as many streams in all as one, or one each.",
            f"Simulated accelerator: {_NATIVE}, {_CALLERS} connections, pictures of {_CANVAS} x {_CANVAS}; ideal: "
            f"{IDEAL:.0f} rows a second. Its servers run one after the other, the load generator on the same cores.",
            "Memory is the sum of the peaks of all processes of a server; pages they share are counted once for each.",
        ],
        models=NETWORKS[:2],
        detail={"wrk": load.version(), "loads": {name: list(map(asdict, each)) for name, each in loads.items()}},
    )


def _simulated(fronts: int, rounds: int, seconds: float) -> list[Row]:
    """Throughput of a simulated accelerator, and how full its batches were."""
    body = load.Body(_one_face(), "image/png", bodies.JSON, '"embedding":[')
    name = "in one process" if fronts == 1 else f"{fronts} fronts and a device process"
    settings = {"runtime": "dummy", "device": "simulated", "canvas": str(_CANVAS)}
    with Server([], workers=str(fronts), **settings) as server:
        server.wait_for_workers(fronts)
        load.run(server.url + _NATIVE, body, _CALLERS, seconds)  # warm-up
        before = _batches(server)
        loads = [load.run(server.url + _NATIVE, body, _CALLERS, seconds) for _ in range(rounds)]
        batches, rows = (now - then for now, then in zip(_batches(server), before, strict=True))
    took = sum(each.seconds for each in loads)
    return [
        Row(
            f"simulated accelerator, {name}: throughput",
            spread([each.per_second for each in loads]).median,
            "pictures/s",
        ),
        Row(f"simulated accelerator, {name}: latency p99", spread([each.p99_ms for each in loads]).median, "ms"),
        Row(f"simulated accelerator, {name}: rows/s / ideal", rows / took / IDEAL),
        Row(f"simulated accelerator, {name}: rows a batch", rows / batches),
    ]


def _batches(server: Server) -> tuple[float, float]:
    """Batches and rows that the device has computed."""
    time.sleep(_BEAT)
    said = httpx.get(f"{server.url}/metrics").text.splitlines()
    figures = dict(line.rsplit(" ", 1) for line in said if not line.startswith("#"))
    return float(figures["vultus_batches_total"]), float(figures["vultus_batch_rows_total"])


def _one_face() -> bytes:
    """A PNG in which the dummy finds one face."""
    picture = np.zeros((_CANVAS, _CANVAS, 3), np.uint8)
    picture[: _CANVAS // 2, : _CANVAS // 2] = 255
    return encode_png(picture)


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
