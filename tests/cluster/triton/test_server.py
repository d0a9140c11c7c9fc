"""Finding, starting and ending a server; a program of a few lines plays it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.server import free_port
from vultus.cluster.triton import server
from vultus.cluster.triton.server import Ports, Program, TritonServer
from vultus.errors import RuntimeUnavailable, SettingsError

# Answers like a server that is ready, and writes what it was started with and how it ended.
STAND_IN = """#!{python}
import http.server, os, pathlib, signal, sys, threading
told = pathlib.Path(os.environ["TOLD"])
told.write_text("\\n".join(sys.argv[1:]))
port = int(next(word.partition("=")[2] for word in sys.argv if word.startswith("--http-port=")))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v2/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_): pass
service = http.server.HTTPServer(("127.0.0.1", port), Handler)
def end(number, _):
    told.with_suffix(".signals").open("a").write(f"{{number}}\\n")
    threading.Thread(target=service.shutdown).start()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
service.serve_forever()
sys.exit(7)
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repository/net").mkdir(parents=True)
    (tmp_path / "repository/net/config.pbtxt").touch()
    return tmp_path / "repository"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    path = script(tmp_path / "bin/tritonserver", STAND_IN.format(python=sys.executable))
    return Program(path, {"TOLD": str(tmp_path / "told")})


@pytest.fixture
def ports() -> Ports:
    return Ports(free_port(), free_port(), free_port())


def wait_ready(triton: TritonServer) -> None:
    end = time.monotonic() + 60
    while not triton.is_ready():
        assert triton.process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.unit
def test_the_program_on_the_path_comes_first(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.path.parent), prepend=os.pathsep)
    assert Program.find() == Program(program.path)


@pytest.mark.unit
def test_without_any_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeUnavailable, match="nvidia-pytriton"):
        Program.find()


@pytest.mark.unit
def test_an_environment_without_it_is_named() -> None:
    with pytest.raises(RuntimeUnavailable, match=f"in the environment of {sys.executable}"):
        Program.find(Path(sys.executable))


@pytest.mark.unit
def test_what_is_no_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="cannot be run as an interpreter"):
        Program.find(script(tmp_path / "python", "#!/bin/sh\nexit 1\n"))


def environment(tmp_path: Path, stub: str) -> Path:
    """An interpreter of an environment with a package ``pytriton``, which has a stub for this version of Python."""
    folder = tmp_path / "packages/pytriton"
    script(folder / f"tritonserver/python_backend_stubs/{stub}/triton_python_backend_stub", "stub")
    script(folder / "tritonserver/backends/python/libtriton_python.so", "library")
    script(folder / "__init__.py", "")
    line = f'#!/bin/sh\nPYTHONPATH={tmp_path / "packages"} exec {sys.executable} "$@"\n'
    return script(tmp_path / "bin/python", line)


VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.unit
def test_the_package_brings_program_backends_and_stub(tmp_path: Path) -> None:
    folder = tmp_path / "packages/pytriton/tritonserver"
    found = Program.find(environment(tmp_path, VERSION))
    assert found.path == folder / "bin/tritonserver"
    assert found.backends == folder / "backends"
    assert found.stub == folder / f"python_backend_stubs/{VERSION}/triton_python_backend_stub"
    libraries = found.environment["LD_LIBRARY_PATH"].split(os.pathsep)
    assert str(tmp_path / "packages/nvidia_pytriton.libs") in libraries


@pytest.mark.unit
def test_a_package_for_other_versions_of_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=f"runs no models on Python {VERSION}"):
        Program.find(environment(tmp_path, "2.7"))


@pytest.mark.unit
def test_a_folder_without_models_is_refused(tmp_path: Path, program: Program) -> None:
    with pytest.raises(SettingsError, match="holds no models for Triton"):
        TritonServer(program, tmp_path)


@pytest.mark.integration
def test_it_listens_on_loopback_at_the_ports_that_were_chosen(
    program: Program, repository: Path, ports: Ports, tmp_path: Path
) -> None:
    with TritonServer(program, repository, ports=ports) as triton:
        wait_ready(triton)
        told = (tmp_path / "told").read_text().splitlines()
    assert f"--model-repository={repository}" in told
    for name, port in zip(("http", "grpc", "metrics"), ports, strict=True):
        assert {f"--{name}-address=127.0.0.1", f"--{name}-port={port}"} <= set(told)


@pytest.mark.integration
def test_at_the_end_it_is_told_to_end(program: Program, repository: Path, ports: Ports, tmp_path: Path) -> None:
    with TritonServer(program, repository, ports=ports) as triton:
        wait_ready(triton)
    assert triton.process.returncode == 7
    assert (tmp_path / "told.signals").read_text() == f"{signal.SIGTERM:d}\n"
    assert not triton.is_ready()


@pytest.mark.integration
def test_it_can_be_killed_and_started_again(program: Program, repository: Path, ports: Ports) -> None:
    with TritonServer(program, repository, ports=ports) as triton:
        wait_ready(triton)
        triton.kill()
        assert triton.process.returncode == -signal.SIGKILL
        assert not triton.is_ready()
        triton.start()
        wait_ready(triton)


@pytest.mark.integration
def test_the_stub_is_put_among_a_copy_of_the_backends(
    program: Program, repository: Path, ports: Ports, tmp_path: Path
) -> None:
    of_package = Program.find(environment(tmp_path, VERSION))
    both = Program(program.path, program.environment, of_package.backends, of_package.stub)
    with TritonServer(both, repository, ports=ports) as triton:
        wait_ready(triton)
        told = (tmp_path / "told").read_text().splitlines()
        folder = Path(next(word.partition("=")[2] for word in told if word.startswith("--backend-directory=")))
        assert (folder / "python/triton_python_backend_stub").read_text() == "stub"
        assert (folder / "python/libtriton_python.so").read_text() == "library"
        assert of_package.backends
        assert not (of_package.backends / "python/triton_python_backend_stub").exists()
    assert not folder.exists()


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on_and_its_exit_code_is_ours(
    number: signal.Signals, program: Program, repository: Path, ports: Ports, tmp_path: Path
) -> None:
    triton = TritonServer(program, repository, ports=ports)

    def interrupt() -> None:
        while not triton.is_ready():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    before = signal.getsignal(number)
    thread.start()
    assert server.run(triton) == 7
    thread.join()
    assert (tmp_path / "told.signals").read_text() == f"{number:d}\n"
    assert signal.getsignal(number) is before


@pytest.mark.integration
def test_a_server_that_a_signal_ends_has_a_shell_s_exit_code(tmp_path: Path, repository: Path) -> None:
    program = Program(script(tmp_path / "tritonserver", "#!/bin/sh\nkill -9 $$\n"))
    assert server.run(TritonServer(program, repository)) == 128 + signal.SIGKILL
