"""A Ray cluster of several nodes on this machine's loopback, and the service on it (Linux only).

Ray itself listens on all addresses, whatever address a node is given; a token keeps strangers out.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from benchmarks.places import REPOSITORY
from benchmarks.server import free_port
from vultus.bench.processes import family
from vultus.bench.server import is_ready

_PATIENCE = 120.0  # seconds; a busy machine takes far longer than the dozen it needs alone
_REPLICA = b"ServeReplica"
_PNG = {"content-type": "image/png"}


class Node:
    """One node.

    Attributes:
        url: Where its proxy listens.
        pid: The process that was spawned.

    Args:
        options: Of ``ray start``.
        port: Its proxy's.
        environment: Its whole environment.
        log: File for what it says.
    """

    def __init__(self, options: Sequence[str], port: int, environment: dict[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*_ray("start"), "--block", "--min-worker-port=0", "--max-worker-port=0", *options],
                env=environment | {"RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(port)},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def wait_up(self) -> None:
        """Return when it has joined the cluster."""
        wait_until(lambda: b"Ray runtime started" in self._log.read_bytes(), self._log, self._process)

    def replicas(self) -> list[int]:
        """The processes of its replicas."""
        return [pid for pid in family(self.pid) if _REPLICA in _title(pid)]

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        if self._process.poll() is None:
            _kill(family(self.pid))
            self._process.wait()


class Deployment:
    """``vultus cluster serve``, for as long as it lives.

    Args:
        arguments: Of the command.
        environment: Its whole environment.
        log: File for what it says.
    """

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vultus", "cluster", "serve", *arguments],
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def is_up(self) -> bool:
        """Whether all replicas have been ready."""
        return " of every node " in self.said

    @property
    def said(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def wait_up(self) -> None:
        """Return when all replicas are ready."""
        wait_until(lambda: self.is_up, self._log, self._process)

    def wait_answering(self, *nodes: Node) -> None:
        """Return when the proxies of these nodes find a replica that is ready."""
        for node in nodes:
            wait_until(lambda url=node.url: is_ready(url), self._log, self._process)  # type: ignore[misc]

    def forget(self) -> None:
        """End the command without its taking the service away."""
        self._process.kill()
        self._process.wait()

    def wait_end(self) -> int:
        """Return its exit code when it ends by itself."""
        return self._process.wait(_PATIENCE)

    def close(self) -> int:
        """End the command, and the service with it; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.wait_end()


class Cluster:
    """A head and one more node, each with as many cores, on paper, as told.

    Attributes:
        nodes: The head, and the others in the order they came.
        address: Where the head is found.
        environment: Of who wants to reach it.

    Args:
        cores: Of each node.
        environments: Further variables of the second node, third node ...
    """

    def __init__(self, cores: int = 1, *environments: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("VULTUS_", "RAY_"))
        }
        self.environment |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_SERVE_LOG_TO_STDERR": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY / "src"), os.environ.get("PYTHONPATH")])),
        }
        self._cores = cores
        self._count = 0
        self._port = free_port()
        self.address = f"127.0.0.2:{free_port()}"
        self.nodes: list[Node] = []
        try:
            self._start_head()
            for environment in environments or ({},):
                self.add_node(environment)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add_node(self, environment: dict[str, str] | None = None) -> Node:
        """Start one node more, with further variables of its own."""
        own = f"127.0.0.{self._count + 2}"  # one that no node has had
        return self._start(["--address", self.address, "--node-ip-address", own], free_port(), environment or {})

    def deploy(self, replicas: int = 2, /, **settings: str) -> Deployment:
        """Begin to deploy the service with these settings; two replicas, that is one on each node."""
        given = {f"VULTUS_{name.upper()}": value for name, value in settings.items()}
        arguments = ["--address", self.address, "--port", str(self._port), "--ray-replicas", str(replicas)]
        return Deployment(arguments, self.environment | given, self._new_log("deployment"))

    def wait_replicas(self, node: Node, count: int) -> None:
        """Return when a node has so many replicas, ready or not."""
        wait_until(lambda: len(node.replicas()) == count)

    def close(self) -> None:
        """End all nodes."""
        for node in reversed(self.nodes):
            node.kill()
        self._folder.cleanup()

    def _start_head(self) -> None:
        options = ["--head", "--node-ip-address=127.0.0.2", "--port", self.address.rpartition(":")[2]]
        options += ["--ray-client-server-port", str(free_port()), "--include-dashboard=false"]
        self._start([*options, "--temp-dir", self._folder.name], self._port, {})

    def _start(self, options: Sequence[str], port: int, environment: dict[str, str]) -> Node:
        own = ["--num-cpus", str(self._cores), "--object-store-memory=100000000", "--include-log-monitor=false"]
        own += ["--dashboard-agent-listen-port", str(free_port())]
        node = Node([*options, *own], port, self.environment | environment, self._new_log("node"))
        self.nodes.append(node)
        node.wait_up()
        return node

    def _new_log(self, name: str) -> Path:
        self._count += 1
        return Path(self._folder.name) / f"{name}-{self._count}.log"


def post(node: Node, picture: bytes) -> httpx.Response:
    """Ask a node's proxy for the faces of a PNG."""
    return httpx.post(f"{node.url}/v1/faces", content=picture, headers=_PNG, timeout=_PATIENCE)


def answered(node: Node) -> int:
    """Pictures that the replica of this node has answered: proxies prefer their own node's, where it has room."""
    figures = httpx.get(f"{node.url}/metrics", timeout=_PATIENCE).text
    found = re.search(r'^vultus_pictures_total\{outcome="ok"\} (\S+)$', figures, re.MULTILINE)
    return int(float(found.group(1))) if found else 0


class Caller(threading.Thread):
    """Posts a picture over and over, on a connection that it keeps, for as long as there is somebody to connect to.

    Attributes:
        statuses: How often each status was answered.
        lost: Requests that were sent and got no answer.
    """

    def __init__(self, url: str, picture: bytes) -> None:
        super().__init__()
        self._url = url
        self._picture = picture
        self._is_done = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.lost = 0

    def run(self) -> None:
        """See ``threading.Thread``."""
        with httpx.Client(base_url=self._url, timeout=_PATIENCE) as client:
            while not self._is_done.is_set():
                try:
                    answer = client.post("/v1/faces", content=self._picture, headers=_PNG)
                except httpx.ConnectError:
                    break
                except httpx.TransportError:
                    self.lost += 1
                else:
                    self.statuses[answer.status_code] += 1

    def stop(self) -> None:
        """Send nothing more, and wait for the last answer."""
        self._is_done.set()
        self.join()


def wait_answers(callers: Sequence[Caller], count: int) -> None:
    """Return when so many more answers have come to them, taken together."""
    before = sum(caller.statuses.total() for caller in callers)
    wait_until(lambda: sum(caller.statuses.total() for caller in callers) >= before + count)


def wait_until(
    holds: Callable[[], bool], log: Path | None = None, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when something holds; raise ``RuntimeError``, with the end of a log, where it takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline or (process and process.poll() is not None):
            said = log.read_text(errors="replace")[-3000:] if log else ""
            raise RuntimeError(f"waited in vain; the log says:\n{said}")
        time.sleep(0.05)


def _ray(command: str) -> list[str]:
    return [sys.executable, "-m", "ray.scripts.scripts", command]


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
