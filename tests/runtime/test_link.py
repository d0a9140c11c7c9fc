"""The front's end of a connection, with a device process at the other end that is a script."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.runtime.test_batching import rows

from vultus.errors import OutOfMemory
from vultus.runtime import blocks
from vultus.runtime.blocks import Shapes
from vultus.runtime.channel import Channel
from vultus.runtime.link import DeviceGone, Link
from vultus.runtime.ticket import Ticket

pytestmark = pytest.mark.unit

SHAPES = Shapes((2, 2, 3), (((1,), "<f4"),))


class Script:
    """Answers each call at once, and leaves its outputs as they are: zero."""

    def __init__(self, channel: Channel) -> None:
        self.runs: list[list[Any]] = []
        self._channel = channel
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def owners(self) -> list[int]:
        return [run[-1][0] for run in self.runs]

    def _serve(self) -> None:
        while (received := self._channel.receive()) is not None:
            (kind, *details), descriptor = received
            if descriptor is not None:
                os.close(descriptor)
            if kind == "run":
                self.runs.append(details)
                self._channel.send([(details[0], None, None)])


@pytest.fixture
def ends() -> Iterator[tuple[Link, Script]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link, script = Link(Channel(ours)), Script(Channel(theirs))
    yield link, script
    link.close()
    script.join()


def test_no_ticket_goes_by_the_number_of_one_that_is_gone(ends: tuple[Link, Script]) -> None:
    """An address would not do: the next ticket is likely to be made where the last one was."""
    link, script = ends
    for value in range(20):
        (output,) = link.run(1, SHAPES, rows(value), Ticket())
        np.testing.assert_array_equal(output, np.zeros((1, 1), np.float32))
    assert len(set(script.owners())) == 20


def test_all_calls_of_a_ticket_go_by_its_number(ends: tuple[Link, Script]) -> None:
    link, script = ends
    ticket, other = Ticket(), Ticket()
    for each in (ticket, other, ticket):
        link.run(1, SHAPES, rows(1), each)
    first, second, third = script.owners()
    assert first == third != second


def test_memory_that_runs_out_is_told_as_that_and_the_connection_goes_on(
    ends: tuple[Link, Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    link, _ = ends

    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(blocks, "mapped", refuse)
        with pytest.raises(OutOfMemory, match="Cannot allocate memory"):
            link.run(1, SHAPES, rows(1), Ticket())
    assert len(link.run(1, SHAPES, rows(1, 2), Ticket())[0]) == 2


def test_nothing_is_asked_of_a_device_process_that_is_gone(ends: tuple[Link, Script]) -> None:
    link, script = ends
    link.close()
    script.join()
    with pytest.raises(DeviceGone):
        link.run(1, SHAPES, rows(1), Ticket())
