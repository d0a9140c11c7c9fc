from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from vultus.errors import AddressUnavailable
from vultus.server.listening import greet, listen, listen_shared, url_of

pytestmark = pytest.mark.unit

HOST = "127.0.0.1"


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def accepted(listener: socket.socket) -> int:
    """How many connections wait in this queue."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.fixture
def shared() -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(one) for one in listen_shared(HOST, 0, 3)]


def test_all_share_one_address_and_every_connection_is_in_one_queue(shared: list[socket.socket]) -> None:
    assert len({port_of(one) for one in shared}) == 1
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection((HOST, port_of(shared[0]))))
        counts = [accepted(one) for one in shared]
    assert sum(counts) == 64
    if sys.platform == "linux":
        assert min(counts) > 0  # by chance once in 10^11


def test_a_copy_that_closes_loses_no_connection(shared: list[socket.socket]) -> None:
    copies = [one.dup() for one in shared]
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(socket.create_connection((HOST, port_of(shared[0]))))
        for copy in copies:
            copy.close()
        assert sum(accepted(one) for one in shared) == 16


@pytest.mark.parametrize("count", [1, 2])
def test_an_address_that_is_taken_is_not_shared_with_strangers(shared: list[socket.socket], count: int) -> None:
    with pytest.raises(AddressUnavailable, match=f"cannot listen on http://127.0.0.1:{port_of(shared[0])}"):
        listen_shared(HOST, port_of(shared[0]), count)


def test_several_do_not_join_one_that_listens_alone() -> None:
    with listen(HOST, 0) as alone, pytest.raises(AddressUnavailable):
        listen_shared(HOST, port_of(alone), 2)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")])
def test_an_address_is_written_as_clients_write_it(host: str, url: str) -> None:
    assert url_of(host, 80) == url


def test_the_greeting_names_the_port_that_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    with listen(HOST, 0) as listener:
        greet(HOST, listener)
        assert f"http://127.0.0.1:{port_of(listener)}/docs" in capsys.readouterr().out


def test_the_greeting_tells_of_tls(capsys: pytest.CaptureFixture[str]) -> None:
    assert url_of("::1", 443, is_secure=True) == "https://[::1]:443"
    with listen(HOST, 0) as listener:
        greet(HOST, listener, is_secure=True)
        assert f"on https://127.0.0.1:{port_of(listener)} " in capsys.readouterr().out
