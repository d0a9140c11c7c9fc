"""A server that is offered five times what it can do: how much it still does, and how it says no to the rest."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import bodies, load, pictures, places
from benchmarks.load import CONNECTIONS, Body
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options
from vultus.bench.processes import family, usage
from vultus.runtime.cores import available_cores

TIMES = 5
"""What is offered, in multiples of what a closed loop gets."""

DEADLINE = 10
"""Seconds that each request says it is worth waiting for."""

_PATH = "/extract"
_SAMPLE = 0.25  # seconds between two looks at the server's memory
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Flood:
    """What became of requests sent at a constant rate.

    Attributes:
        seconds: From the first request to the last answer.
        offered: Requests that were due.
        dropped: Those of them the load generator did not send, having too many under way.
        good: Answered with status 200 and a face.
        refused: Answered with status 429; ``mute``: those of them without ``Retry-After``.
        late: Good answers after the deadline.
        other: All else: other statuses, broken connections.
        accepted_ms, refused_ms: Latency of good and refused requests.
    """

    seconds: float
    offered: int
    dropped: int
    good: int
    refused: int
    mute: int
    late: int
    other: int
    accepted_ms: Latency
    refused_ms: Latency


@dataclass(frozen=True, slots=True)
class Overload:
    """One measurement.

    Attributes:
        peaks: Requests per second of a closed loop, before and after.
        flood: What became of what was offered.
        generator: Cores the load generator took.
        memory: Bytes of the server that were resident, sampled throughout.
    """

    peaks: tuple[float, float]
    flood: Flood
    generator: float
    memory: list[int]


def run(options: Options) -> Report:
    """Peak, flood, peak again."""
    body = bodies.extract_json([pictures.make().one_face.read_bytes()])
    with Server(places.models()) as server:
        server.wait_ready()
        found = measure(server, body, closed=options.pick(20, 3), flood=options.pick(60, 6))
    return Report(
        "overload",
        f"one face over POST {_PATH}, {TIMES} times the peak offered for {found.flood.seconds:.0f} s; load generators "
        "on the same cores",
        rows(found, available_cores()),
        notes=[
            f"Peak: wrk, {CONNECTIONS} connections, before and after the flood; the mean counts.",
            "Flood: k6, constant arrival rate, which sends whether or not earlier requests were answered.",
            f"Every request says X-Request-Timeout: {DEADLINE}. Default settings; each good answer holds a face.",
            "Goodput is missing what the load generator takes: k6 needs more of the cores than wrk. What is told of "
            "the cores that it leaves takes all of that off the peak.",
        ],
        models=NETWORKS[:2],
        detail={"k6": version(), "wrk": load.version(), **asdict(found)},
    )


def measure(server: Server, body: Body, closed: int, flood: int) -> Overload:
    """Closed loops of ``closed`` seconds around a flood of ``flood`` seconds."""
    url = server.url + _PATH
    load.run(url, body, CONNECTIONS, closed / 2)  # warm-up
    before = load.run(url, body, CONNECTIONS, closed).per_second
    with Watch(lambda: _resident(server.pid)) as watch:
        outcome, cores = send(url, body, round(TIMES * before), flood)
    after = load.run(url, body, CONNECTIONS, closed).per_second
    return Overload((before, after), outcome, cores, watch.values)


def rows(found: Overload, cores: int) -> list[Row]:
    """The figures on so many cores, and what they have to reach."""
    flood = found.flood
    peak = sum(found.peaks) / len(found.peaks)
    half = len(found.memory) // 2
    left = 1 - found.generator / cores
    first, last = max(found.memory[:half], default=0) / _MIB, max(found.memory[half:], default=0) / _MIB
    return [
        Row("peak, closed loop", peak, "requests/s"),
        Row("offered", flood.offered / flood.seconds, "requests/s"),
        Row("offered, not sent by the load generator", flood.dropped),
        Row("goodput", flood.good / flood.seconds, "requests/s"),
        Row("goodput / peak", flood.good / flood.seconds / peak, "", Bar(">=", 0.9)),
        Row("goodput / peak, on the cores the load generator leaves", flood.good / flood.seconds / peak / left),
        Row("accepted: latency p50", flood.accepted_ms.p50, "ms"),
        Row("accepted: latency p99", flood.accepted_ms.p99, "ms"),
        Row("accepted: answered after the deadline", flood.late, "", Bar("==", 0)),
        Row("refused with 429", flood.refused),
        Row("refused: latency p50", flood.refused_ms.p50, "ms"),
        Row("refused: latency p99", flood.refused_ms.p99, "ms", Bar("<=", 50)),
        Row("refused: without Retry-After", flood.mute, "", Bar("==", 0)),
        Row("any other answer, or none", flood.other, "", Bar("==", 0)),
        Row("memory of the server: peak in the first half", first, "MiB"),
        Row("memory of the server: last half / first half", last / first if first else 0.0, "", Bar("<=", 1.05)),
        Row("load generator", found.generator, "cores"),
    ]


def send(url: str, body: Body, rate: int, seconds: int) -> tuple[Flood, float]:
    """Post ``body`` to ``url`` so many times a second; returns what became of it, and the cores that took.

    Raises:
        Missing: k6 is not installed.
        RuntimeError: It failed.
    """
    before = _children_seconds()
    with tempfile.NamedTemporaryFile(prefix="vultus-body-") as file:
        file.write(body.content)
        file.flush()
        given = {"URL": url, "BODY": file.name, "TYPE": body.content_type, "ACCEPT": body.accept}
        given |= {"MARKER": body.marker, "RATE": str(rate), "SECONDS": str(seconds), "DEADLINE": str(DEADLINE)}
        script = str(Path(__file__).with_name("overload.js"))
        command = [_k6(), "run", "--quiet", "--no-usage-report", "--address", "", script]
        # Its garbage collector would else take as much of the cores as its requests.
        given |= {"GOGC": "1000", "GOMAXPROCS": "1"}
        done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"k6 ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    flood = parse(done.stdout)
    return flood, (_children_seconds() - before) / flood.seconds


def parse(output: str) -> Flood:
    """The line of JSON that ``overload.js`` prints."""
    told = json.loads(output.strip().splitlines()[-1])
    return Flood(**told | {name: Latency(**told[name]) for name in ("accepted_ms", "refused_ms")})


def version() -> str:
    """k6's version.

    Raises:
        Missing: It is not installed.
    """
    return subprocess.run([_k6(), "version"], capture_output=True, text=True, check=False).stdout.split(" (")[0].strip()


class Watch:
    """Looks at a figure now and then while a ``with`` statement lasts.

    Args:
        read: Reads it.

    Attributes:
        values: What was seen.
    """

    def __init__(self, read: Callable[[], int]) -> None:
        self.values: list[int] = []
        self._read = read
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_SAMPLE):
            self.values.append(self._read())


def _resident(pid: int) -> int:
    taken = usage(family(pid))
    return taken.resident_bytes if taken else 0


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _k6() -> str:
    own = places.REPOSITORY / ".venv-load" / "bin" / "k6"
    found = str(own) if own.is_file() else shutil.which("k6")
    if found is None:
        raise places.Missing("the load generator k6 is not installed; run `make load-generator`")
    return found
