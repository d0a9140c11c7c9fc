"""A real ``vultus serve`` in a process of its own, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import httpx

from vultus.bench.processes import end, family, usage
from vultus.bench.server import is_ready


class Server:
    """A server with weights from a local folder, an empty cache and nothing else kept between starts.

    Attributes:
        url: Address, without a slash at the end.
        pid: The process that was spawned.

    Args:
        models: Folders of network files.
        settings: Further settings, by name.
    """

    def __init__(self, models: Sequence[Path], **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vultus-server-")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folders = os.pathsep.join(map(str, models))
        given = {"model_path": folders, "offline": "true", "host": "127.0.0.1", "port": str(port)} | settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VULTUS_")}
        environment |= {f"VULTUS_{name.upper()}": value for name, value in given.items()}
        environment["XDG_CACHE_HOME"] = self._folder.name
        self._log = Path(self._folder.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vultus", "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        end(self._process)
        self._folder.cleanup()

    def wait_ready(self, seconds: float = 60) -> None:
        """Return when the server calls itself ready."""
        deadline = time.monotonic() + seconds
        while not is_ready(self.url):
            self.check_alive(deadline)
            time.sleep(0.05)

    def wait_for_workers(self, workers: int, replaced: int = 0, seconds: float = 60) -> None:
        """Return when all workers are ready, and so many that died have been replaced; ``/ready`` tells of one only."""
        self.wait_ready(seconds)
        deadline = time.monotonic() + seconds
        while workers > 1 and not self._has_workers(workers, replaced):
            self.check_alive(deadline)
            time.sleep(0.05)

    def _has_workers(self, workers: int, replaced: int) -> bool:
        try:
            said = httpx.get(f"{self.url}/metrics").text.splitlines()
        except httpx.TransportError:  # the worker that was asked has been killed
            return False
        counted = f'vultus_workers_replaced_total{{reason="died"}} {replaced}.0'
        return f"vultus_workers {workers}.0" in said and (not replaced or counted in said)

    def check_alive(self, deadline: float) -> None:
        """Raise ``RuntimeError`` with the end of its log where the server has ended, or the deadline has passed."""
        if self._process.poll() is not None or time.monotonic() > deadline:
            said = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the server does not answer (status {self._process.returncode}); it said:\n{said}")

    def peak_memory(self) -> int:
        """Most memory ever resident, in bytes: sum over the server's process and all its descendants."""
        taken = usage(family(self.pid))
        return taken.peak_bytes if taken else 0


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
