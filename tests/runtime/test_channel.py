from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from vultus.errors import DeadlineExceeded, EngineError, IncompatibleGraph, NotReady, VultusError
from vultus.runtime.channel import LONGEST, Channel, connect, listen, packed, unpacked

pytestmark = pytest.mark.unit


@pytest.fixture
def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(ours), Channel(theirs)


def fill(end: Channel) -> int:
    """Send until the other end would have to take messages; returns how many were sent."""
    for number in count():
        try:
            end.send(("run", number), 0.01)
        except TimeoutError:
            return number
    raise AssertionError


def test_messages_keep_their_bounds_and_order(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    here.send(("run", 1, 2.5, None, True))
    here.send(("cancel", 2**47))
    assert there.receive() == (["run", 1, 2.5, None, True], None)
    assert there.receive() == (["cancel", 2**47], None)


def test_a_file_goes_with_its_message(pair: tuple[Channel, Channel], tmp_path: Path) -> None:
    here, there = pair
    with (tmp_path / "file").open("wb+", buffering=0) as file:
        file.write(b"shared")
        here.send(("other",))
        here.send(("memory",), None, file.fileno())
    assert there.receive() == (["other"], None)
    received = there.receive()
    assert received
    message, descriptor = received
    assert message == ["memory"]
    assert descriptor is not None
    assert os.pread(descriptor, 6, 0) == b"shared"
    os.close(descriptor)


def test_one_who_takes_no_messages_is_waited_for_no_longer_than_said(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    sent = fill(here)
    here.try_send(("lost",))
    for number in range(sent):
        assert there.receive() == (["run", number], None)
    here.send(("next",), 0.01)
    assert there.receive() == (["next"], None)


def test_one_who_makes_room_is_waited_for(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    fill(here)
    sending = threading.Thread(target=here.send, args=(("last",),))
    sending.start()
    while there.receive() != (["last"], None):
        pass
    sending.join()


def test_the_end_is_noticed_on_both_sides(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    there.shut()
    assert here.receive() is None
    assert there.receive() is None
    with pytest.raises(ConnectionError):
        here.send(("run",))
    here.try_send(("run",))


def test_a_message_that_is_too_long_is_an_error(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    here.send(("x" * LONGEST,))
    with pytest.raises(ValueError, match="longer than"):
        there.receive()


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A place whose name does not fit into a socket's address."""
    folder = tmp_path / ("deep" * 20) / ("down" * 20)
    folder.mkdir(parents=True)
    return folder / "device"


@pytest.fixture
def listener(deep: Path) -> Iterator[socket.socket]:
    with listen(deep) as listener:
        yield listener


def test_who_connects_before_anybody_accepts_waits_in_line(listener: socket.socket, deep: Path) -> None:
    early = connect(deep)
    early.send(("hello",))
    end, _ = listener.accept()
    assert Channel(end).receive() == (["hello"], None)


def test_where_nobody_will_ever_accept_connecting_fails(deep: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        connect(deep)
    listen(deep).close()
    with pytest.raises(OSError, match="refused"):
        connect(deep)


@pytest.mark.parametrize("kind", [EngineError, NotReady, DeadlineExceeded, IncompatibleGraph, VultusError])
def test_an_error_arrives_as_what_it_was(kind: type[VultusError]) -> None:
    error = unpacked(*packed(kind("what happened", limit="a_limit")))
    assert type(error) is kind
    assert (error.message, error.limit) == ("what happened", "a_limit")


def test_as_many_errors_as_a_batch_has_rows_fit_into_a_message(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    error = EngineError("ü" * LONGEST)
    here.send([(2**40 + call, packed(error), None) for call in range(64)])
    received = there.receive()
    assert received
    assert len(received[0]) == 64
    assert unpacked(*received[0][0][1]).message == "ü" * 300


def test_an_unknown_code_is_still_an_error() -> None:
    assert type(unpacked("from_a_later_version", "so it is", None)) is VultusError
