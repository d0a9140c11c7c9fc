"""The load generator, wrk, and what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import Missing

CONNECTIONS = 8
"""Over which the benchmarks load a server."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is posted, and what every good answer holds.

    Attributes:
        content: Bytes of the body.
        content_type, accept: Headers.
        marker: Text that an answer with a face contains and one without does not.
    """

    content: bytes
    content_type: str
    accept: str
    marker: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a stretch of load came to.

    Attributes:
        requests: Answers received.
        good: Answers with status 200 that contain the marker.
        seconds: Length of the stretch.
        p50_ms, p90_ms, p99_ms, max_ms: Latency in milliseconds.
        errors: How often connecting, reading, writing or waiting failed, and statuses above 399.
    """

    requests: int
    good: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds

    @property
    def clean(self) -> bool:
        """Whether there were answers, and all of them good."""
        return 0 < self.requests == self.good and not any(self.errors.values())


def version() -> str:
    """The load generator's version.

    Raises:
        Missing: It is not installed.
    """
    said = subprocess.run([_wrk(), "-v"], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0].split(" [")[0]


def run(url: str, body: Body, connections: int, seconds: float) -> Load:
    """Post ``body`` to ``url`` over so many connections, each sending its next request when it has its answer.

    Raises:
        Missing: The load generator is not installed.
        RuntimeError: An answer was not good: a figure from such a run would mean nothing.
    """
    with tempfile.NamedTemporaryFile(prefix="vultus-body-") as file:
        file.write(body.content)
        file.flush()
        script = str(Path(__file__).with_name("wrk.lua"))
        options = [
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--timeout",
            "60s",
            "-s",
            script,
            url,
            "--",
        ]
        command = [_wrk(), *options, file.name, body.content_type, body.accept, body.marker]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    load = parse(done.stdout)
    if not load.clean:
        raise RuntimeError(f"of {load.requests} answers of {url} {load.good} were good; errors: {load.errors}")
    return load


def parse(output: str) -> Load:
    """The line of JSON at the end of what wrk printed."""
    return Load(**json.loads(output.strip().splitlines()[-1]))


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise Missing("the load generator wrk is not installed; run `make load-generator`")
    return found
