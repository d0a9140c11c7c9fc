"""A real Triton server on loopback, with networks as models in Python, which may be killed and started again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import free_port
from vultus.cluster.triton.config import Deployment, Engine
from vultus.cluster.triton.export import Export
from vultus.cluster.triton.server import Ports, Program, TritonServer
from vultus.settings import Settings

PATIENCE = 120.0
"""Seconds a server has to load its models."""


class Triton:
    """A server that is ready.

    Attributes:
        server: The process.
        http, grpc, metrics: ``host:port`` of its three services.
    """

    def __init__(self, server: TritonServer, log: Path) -> None:
        self.server = server
        self.http, self.grpc, self.metrics = (f"{server.host}:{port}" for port in server.ports)
        self._log = log

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it and the processes of its models at once, as a machine that fails does; what it did is lost."""
        self.server.kill()

    def restart(self) -> None:
        """Start it again at the same addresses, and wait until it is ready."""
        self.server.stop()
        self.server.start()
        self.wait()

    def wait(self) -> None:
        """Until all models are ready.

        Raises:
            RuntimeError: It has ended, or is not ready in time.
        """
        end = time.monotonic() + PATIENCE
        while not self.server.is_ready():
            if self.server.process.poll() is not None or time.monotonic() > end:
                faults = [line for line in self.output.splitlines() if line[:1] == "E" or line.startswith("error")]
                raise RuntimeError("\n".join(["tritonserver is not ready:", *faults]))
            time.sleep(0.05)


@contextmanager
def running(program: Program, repository: Path) -> Iterator[Triton]:
    """A server with a repository's models, ready; its log lies beside the repository."""
    log = repository.with_suffix(".log")
    with log.open("wb") as output:
        ports = Ports(free_port(), free_port(), free_port())
        with TritonServer(program, repository, ports=ports, output=output) as server:
            triton = Triton(server, log)
            triton.wait()
            yield triton


def export(
    settings: Settings, folder: Path, names: Sequence[str] = (), *, engine: Engine = "openvino", instances: int = 1
) -> Path:
    """Write networks as models in Python into a folder; none named: all that a server with these settings loads.

    So many instances of each compute side by side, on a core each.
    """
    deployment = Deployment.of("python", "cpu", instances, engine)
    with Export(settings, folder, deployment, deployment.form("f32", 64)) as exporter:
        for step in exporter.steps(names):
            step.run()
        exporter.finish()
    return folder
