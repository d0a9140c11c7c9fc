"""Processes and ports."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks import server

pytestmark = pytest.mark.integration


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", server.free_port())):
        pass


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with server.Server([tmp_path], port="not-a-port") as broken, pytest.raises(RuntimeError, match="port"):
        broken.wait_ready(60)


def test_all_workers_are_waited_for_and_those_that_are_never_replaced_not_for_ever() -> None:
    with server.Server([], runtime="dummy", workers="2", streams="1") as started:
        started.wait_for_workers(2)
        assert "\nvultus_workers 2.0\n" in httpx.get(f"{started.url}/metrics").text
        with pytest.raises(RuntimeError, match="does not answer"):
            started.wait_for_workers(2, replaced=1, seconds=0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_closing_ends_the_process(tmp_path: Path) -> None:
    with server.Server([tmp_path], runtime="dummy") as started:
        started.wait_ready()
        assert started.peak_memory() > 2**20
    assert started.peak_memory() == 0
