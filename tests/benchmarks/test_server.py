"""Processes and ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import server

pytestmark = pytest.mark.integration


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", server.free_port())):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_family_holds_descendants_and_their_peaks_add_up() -> None:
    child = "import sys; sys.stdin.read()"
    parent = (
        "import subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}]); print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        grandchild = int(process.stdout.readline())
        assert set(server.family(process.pid)) == {process.pid, grandchild}
        assert {process.pid, grandchild} < set(server.family(os.getpid()))
        assert server.peak_resident(process.pid) > 2**20
        process.stdin.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_gone_takes_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert server.peak_resident(process.pid) == 0


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with server.Server([tmp_path], port="not-a-port") as broken, pytest.raises(RuntimeError, match="port"):
        broken.wait_ready(60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_closing_ends_the_process(tmp_path: Path) -> None:
    with server.Server([tmp_path], runtime="dummy") as started:
        started.wait_ready()
        assert started.peak_memory() > 2**20
    assert server.peak_resident(started.pid) == 0
