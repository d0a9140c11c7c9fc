"""A real Triton server on loopback, with networks as models in Python, for one measurement."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import places
from benchmarks.server import free_port
from benchmarks.subject import settings_of
from vultus.cluster.triton.config import Deployment
from vultus.cluster.triton.export import Export
from vultus.cluster.triton.server import Ports, Program, TritonServer

_PATIENCE = 120.0  # seconds to load the models


@contextmanager
def running(networks: Sequence[str], instances: int) -> Iterator[TritonServer]:
    """A server with these networks on OpenVINO, ready; so many of each compute side by side, on a core each.

    Raises:
        Missing: There is no such server on this machine.
    """
    program = Program.find(places.triton_python())
    deployment = Deployment.of("python", "cpu", instances)
    with TemporaryDirectory(prefix="vultus-triton-") as folder:
        repository = Path(folder) / "models"
        with Export(settings_of(aspect="square"), repository, deployment, deployment.form("f32", 64)) as export:
            for step in export.steps(networks):
                step.run()
            export.finish()
        ports = Ports(free_port(), free_port(), free_port())
        with (
            (Path(folder) / "log").open("w+b") as log,
            TritonServer(program, repository, ports=ports, output=log) as server,
        ):
            _wait(server, Path(folder) / "log")
            yield server


def _wait(server: TritonServer, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not server.is_ready():
        if server.process.poll() is not None or time.monotonic() > end:
            raise subprocess.SubprocessError(f"tritonserver is not ready:\n{log.read_text('utf-8', 'replace')[-4000:]}")
        time.sleep(0.05)
