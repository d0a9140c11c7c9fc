"""A ``tritonserver`` on this machine: where its program is, and how it is started, told to end and cleared up after."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, Self

import httpx

from vultus.errors import RuntimeUnavailable, SettingsError

LOOPBACK = "127.0.0.1"

_PROGRAM = "tritonserver"
_STUB = "triton_python_backend_stub"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Triton's Python backend names no other place
_FAREWELL = 30.0  # seconds a server has to end, after which it is killed

# What an interpreter says of the package nvidia-pytriton, which holds a server, and of itself.
_ASK = """
import ctypes, importlib.util, json, os, sys, sysconfig
found = importlib.util.find_spec("pytriton")
library = os.path.join(sysconfig.get_config_var("LIBDIR"), "libpython%d.%d.so.1.0" % sys.version_info[:2])
for name in (library, os.path.basename(library)):
    try:
        ctypes.CDLL(name)
        lacking = None
        break
    except OSError as error:
        lacking = str(error)
print(json.dumps({
    "lacking": lacking,
    "package": found and found.submodule_search_locations[0],
    "version": "%d.%d" % sys.version_info[:2],
    "libraries": sysconfig.get_config_var("LIBDIR"),
    "programs": sysconfig.get_path("scripts"),
}))
"""


class Ports(NamedTuple):
    """Where a server listens; the defaults are Triton's own."""

    http: int = 8000
    grpc: int = 8001
    metrics: int = 8002


@dataclass(frozen=True, slots=True)
class Program:
    """A ``tritonserver`` that can be started.

    Attributes:
        path: The program.
        environment: What its environment needs besides; see ``of_package``.
        backends: Folder of its backends; ``None``: it knows.
        stub: The program that runs models in Python, where it is not among the backends.
    """

    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    backends: Path | None = None
    stub: Path | None = None

    @classmethod
    def find(cls, python: Path | None = None) -> Self:
        """The one on the PATH, else that of nvidia-pytriton.

        Args:
            python: Interpreter of the environment that nvidia-pytriton is in: then only there.

        Raises:
            RuntimeUnavailable: There is none.
        """
        if python is None and (found := shutil.which(_PROGRAM)):
            return cls(Path(found))
        program = cls.of_package(python or Path(sys.executable))
        if program is None:
            where = (
                f"in the environment of {python}"
                if python
                else f"on the PATH, and no nvidia-pytriton beside {sys.executable}"
            )
            raise RuntimeUnavailable(
                f"there is no {_PROGRAM} {where}; run Triton's container, or install nvidia-pytriton into an "
                "environment of its own (numpy<2) and name its interpreter with --python."
            )
        return program

    @classmethod
    def of_package(cls, python: Path) -> Self | None:
        """That of the package nvidia-pytriton in an interpreter's environment; ``None``: it is not there.

        Raises:
            RuntimeUnavailable: The interpreter cannot be run, or the package has nothing for its version.
        """
        try:
            told = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeUnavailable(f"{python} cannot be run as an interpreter of Python: {error}") from error
        facts = json.loads(told.stdout)
        if facts["package"] is None:
            return None
        folder = Path(facts["package"]) / _PROGRAM
        stub = folder / "python_backend_stubs" / facts["version"] / _STUB
        if not stub.is_file():
            raise RuntimeUnavailable(f"nvidia-pytriton of {python} runs no models on Python {facts['version']}")
        if facts["lacking"]:
            raise RuntimeUnavailable(
                f"Triton's Python backend needs the shared library of {python}, which is not there "
                f"({facts['lacking']}); on Debian and Ubuntu install libpython{facts['version']}."
            )
        return cls(
            path=folder / "bin" / _PROGRAM,
            # The stub loads libpython and, as its copy has left its place, the libraries that came with it; it finds
            # packages as the interpreter that is first on the PATH does.
            environment={
                "LD_LIBRARY_PATH": _joined(
                    "LD_LIBRARY_PATH", facts["libraries"], str(folder.parents[1] / "nvidia_pytriton.libs")
                ),
                "PATH": _joined("PATH", facts["programs"]),
            },
            backends=folder / "backends",
            stub=stub,
        )


class TritonServer:
    """A server process. Use it in a ``with`` statement: at its end the process is told to end, and waited for.

    Args:
        program: What to start.
        repository: Folder of models.
        host: Address to listen on.
        ports: See there.
        output: Takes what it writes; ``None``: this process's own.

    Raises:
        SettingsError: The folder holds no models.
    """

    def __init__(
        self,
        program: Program,
        repository: Path,
        host: str = LOOPBACK,
        ports: Ports = Ports(),  # noqa: B008 - it is immutable
        output: IO[bytes] | None = None,
    ) -> None:
        if not any(repository.glob("*/config.pbtxt")):
            raise SettingsError(f"{repository} holds no models for Triton; `vultus triton export` makes such a folder.")
        self.host = host
        self.ports = ports
        self._program = program
        self._repository = repository
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="vultus-triton-")
        self._regions = f"{Path(self._folder.name).name}-"
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the process; returns at once."""
        environment = {**os.environ, **self._program.environment}
        # In a session of its own: a terminal's signals reach it through this process, and once.
        self._process = subprocess.Popen(  # noqa: S603
            self._command(), env=environment, stdout=self._output, stderr=self._output, start_new_session=True
        )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process, "it has not been started"
        return self._process

    def is_ready(self) -> bool:
        """Whether all models can be asked."""
        try:
            url = f"http://{self.host}:{self.ports.http}/v2/health/ready"
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Tell it to finish what it computes and end; one that does not is killed."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_FAREWELL)
        self.kill()

    def kill(self) -> None:
        """End it at once, with the processes that run its models, and free the memory they share."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for region in _SHARED_MEMORY.glob(f"{self._regions}*"):
            region.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        command = [
            str(self._program.path),
            f"--model-repository={self._repository}",
            f"--http-address={self.host}",
            f"--http-port={self.ports.http}",
            f"--grpc-address={self.host}",
            f"--grpc-port={self.ports.grpc}",
            f"--metrics-address={self.host}",
            f"--metrics-port={self.ports.metrics}",
            f"--backend-config=python,shm-region-prefix-name={self._regions}",
        ]
        if self._program.backends:
            command.append(f"--backend-directory={self._with_stub(self._program.backends)}")
        return command

    def _with_stub(self, backends: Path) -> Path:
        """A copy of the backends that has the stub where the server looks for it."""
        copy = Path(self._folder.name) / "backends"
        if not copy.exists():
            shutil.copytree(backends, copy)
            if self._program.stub:
                shutil.copy(self._program.stub, copy / "python" / _STUB)
        return copy


def run(server: TritonServer) -> int:
    """Run a server until it ends; signals that end programs are passed on to it.

    Returns:
        Its exit code; where a signal ended it 128 and the signal's number, as shells say it.
    """
    passed = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in passed}
    with server:
        for number in passed:
            signal.signal(number, lambda number, _: server.process.send_signal(number))
        try:
            code = server.process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _joined(variable: str, *folders: str) -> str:
    """A variable that lists folders, with others in front."""
    return os.pathsep.join([*folders, *filter(None, [os.environ.get(variable)])])
