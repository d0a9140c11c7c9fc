"""What mounting all dialects costs one of them: two servers that differ in nothing else, under load in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks import bodies, load, pictures, places
from benchmarks.load import CONNECTIONS, Body, Load
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import Options
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus.server.dialects import DIALECTS, insightface_rest

PATH = "/extract"
LEAST = 0.97
"""Of the throughput with one dialect, what must be left with all."""

ONE, ALL = "one", "all"
MOUNTED: Mapping[str, str] = {ONE: insightface_rest.DIALECT.name, ALL: ",".join(DIALECTS)}
"""What is mounted on each of the two servers."""


def measure(body: Body, seconds: int, rounds: int, models: Sequence[Path], **settings: str) -> dict[str, list[Load]]:
    """Load two servers in turn, started anew for this and one idle while the other works; by what they have mounted.

    Raises:
        RuntimeError: A server did not start, or an answer was not good.
    """
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(Server(models, dialects=mounted, **settings)) for name, mounted in MOUNTED.items()
        }
        for server in servers.values():
            server.wait_ready()
            load.run(server.url + PATH, body, 1, seconds / 3)  # warm-up
        jobs = {
            name: partial(load.run, server.url + PATH, body, CONNECTIONS, seconds) for name, server in servers.items()
        }
        return in_turn(jobs, rounds, alternate=True)


def run(options: Options) -> Report:
    """Throughput of ``/extract`` with only its own dialect mounted, and with all."""
    body = bodies.extract_json([pictures.make().one_face.read_bytes()])
    starts, rounds, seconds = options.pick(4, 1), options.pick(6, 2), options.pick(6, 1)
    loads: dict[str, list[Load]] = {ONE: [], ALL: []}
    for _ in range(starts):
        for name, found in measure(body, seconds, rounds, places.models()).items():
            loads[name] += found
    return Report(
        "dialects",
        f"POST {PATH}, one face, JSON: all dialects mounted against one, {CONNECTIONS} connections, f32",
        report_rows(loads),
        notes=[
            f"Mounted: {MOUNTED[ONE]} against {', '.join(DIALECTS)}.",
            f"{starts} pairs of servers, one pair after the other; {rounds} rounds each of {seconds} s a server, never "
            "at the same time, every second round in reverse. The ratio is the median of the rounds' ratios.",
            "Every answer was checked to be 200 and to hold a face. The load generator runs on the same cores.",
        ],
        models=["scrfd_500m_bnkps", "w600k_mbf"],
        detail={"wrk": load.version(), "loads": {name: list(map(asdict, found)) for name, found in loads.items()}},
    )


def report_rows(loads: Mapping[str, Sequence[Load]]) -> list[Row]:
    """The figures: rates of both servers, and what share of the throughput is left with all dialects."""
    rates = {name: [found.per_second for found in rounds] for name, rounds in loads.items()}
    return [
        Row("one dialect mounted: throughput", spread(rates[ONE]).median, "pictures/s"),
        Row("all dialects mounted: throughput", spread(rates[ALL]).median, "pictures/s"),
        Row("all against one: share of the throughput", paired_ratio(rates[ALL], rates[ONE]), "", Bar(">=", LEAST)),
    ]
