"""Processes and ports."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from benchmarks import server

pytestmark = pytest.mark.integration


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", server.free_port())):
        pass


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with server.Server([tmp_path], port="not-a-port") as broken, pytest.raises(RuntimeError, match="port"):
        broken.wait_ready(60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_closing_ends_the_process(tmp_path: Path) -> None:
    with server.Server([tmp_path], runtime="dummy") as started:
        started.wait_ready()
        assert started.peak_memory() > 2**20
    assert started.peak_memory() == 0
