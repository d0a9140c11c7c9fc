"""What the system tells of processes; the numbers are compared with what processes know of themselves."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys

import pytest

from vultus.bench.processes import family, holders, listeners, usage

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def test_a_family_holds_descendants() -> None:
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
        assert set(family(process.pid)) == {process.pid, grandchild}
        assert {process.pid, grandchild} < set(family(os.getpid()))
        both, one = usage([process.pid, grandchild]), usage([grandchild])
        assert both is not None
        assert one is not None
        assert both.resident_bytes > one.resident_bytes > 2**20
        process.stdin.close()


def test_usage_is_what_the_process_knows_of_itself() -> None:
    told = usage([os.getpid()])
    itself = resource.getrusage(resource.RUSAGE_SELF)
    assert told is not None
    assert told.cpu_seconds == pytest.approx(itself.ru_utime + itself.ru_stime, abs=0.2)
    assert 2**20 < told.resident_bytes <= told.peak_bytes + 2**20


def test_a_process_that_is_gone_takes_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert usage([process.pid]) is None
    assert usage([]) is None


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert os.getpid() in listeners(port)
    assert listeners(port) == []


def test_who_holds_the_other_end_of_a_connection_is_found() -> None:
    server = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
    server += "c, _ = s.accept(); c.sendall(b'!'); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            assert connection.recv(1) == b"!"
            own = connection.getsockname()[1]
            assert holders(port, own) == [process.pid]
            assert holders(own, port) == [os.getpid()]
            assert holders(port, port) == []
        process.stdin.close()
