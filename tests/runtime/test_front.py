"""The device's end of a connection, with a front process at the other end that is this test, and a made-up network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest
from tests.runtime.test_batching import PATIENCE

from vultus.runtime.batching import BatchingNetwork
from vultus.runtime.blocks import Shapes, anonymous_file
from vultus.runtime.channel import Channel
from vultus.runtime.front import Front, Served
from vultus.runtime.network import NetworkSpec
from vultus.runtime.turns import Job
from vultus.types import InputSpec

pytestmark = pytest.mark.unit

SPEC = InputSpec(2, 2)
SHAPES = Shapes((2, 2, 3), (((1,), "<f4"),))


class Holding:
    """A network that keeps what it is given."""

    spec = NetworkSpec("probe", SPEC, ("value",))

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.left: list[Job] = []
        self.given = threading.Semaphore(0)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.given.release()

    def leave(self, job: Job) -> None:
        self.left.append(job)


class Ends:
    """A front that has loaded the network, as number 1, and shares one block with it, as number 1, too."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel = Channel(ours)
        self.network = Holding()
        self.ended = threading.Event()
        self.front = Front(Channel(theirs), ("hello",), self._load, lambda _: self.ended.set())
        assert self.channel.receive() == (["hello"], None)
        self.channel.send(("load", 0, 1, "probe", "probe.onnx", asdict(SPEC)))
        assert self.channel.receive() == ([[0, None, [["value"], [[[1], "<f4"]]]]], None)
        with anonymous_file(2**12) as descriptor:
            self.channel.send(("memory", 1, 2**12), descriptor=descriptor)

    def run(self, call: int, owner: int) -> Job:
        self.channel.send(("run", call, 1, 1, 1, (owner, None, 0, True)))
        assert self.network.given.acquire(timeout=PATIENCE)
        return self.network.jobs[-1]

    def _load(self, name: str, path: str, spec: InputSpec) -> Future[Served]:
        assert spec == SPEC
        loading: Future[Served] = Future()
        loading.set_result(Served(cast("BatchingNetwork", self.network), SHAPES))
        return loading


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.channel.shut()
    assert ends.ended.wait(PATIENCE)


def answer(job: Job, output: Any) -> None:
    job.add(0, (output,))
    job.answer(None)


def test_a_call_is_answered_and_its_rows_are_let_go(ends: Ends) -> None:
    job = ends.run(1, owner=7)
    answer(job, np.ones((1, 1), np.float32))
    assert ends.channel.receive() == ([[1, None, None]], None)
    ends.channel.shut()
    assert ends.ended.wait(PATIENCE)
    assert ends.network.left == [job]


def test_calls_of_one_owner_share_a_ticket_and_are_given_up_together(ends: Ends) -> None:
    first, other, second = ends.run(1, owner=7), ends.run(2, owner=8), ends.run(3, owner=7)
    assert first.ticket is second.ticket
    ends.channel.send(("cancel", 7))
    ends.run(4, owner=9)  # its message follows
    assert first.ticket.cancelled
    assert not other.ticket.cancelled


def test_outputs_of_another_form_are_an_error_of_their_call_alone(ends: Ends) -> None:
    answer(ends.run(1, owner=7), np.ones((1, 2), np.float32))
    received = ends.channel.receive()
    assert received is not None
    ((call, (code, message, _), _),) = received[0]
    assert (call, code) == (1, "engine_failed")
    assert "another form" in message
    answer(ends.run(2, owner=7), np.ones((1, 1), np.float32))
    assert ends.channel.receive() == ([[2, None, None]], None)


def test_answers_that_cannot_be_given_end_the_connection(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    """Else the front would wait for them for ever, while all seems well."""
    job = ends.run(1, owner=7)
    answer(job, [[1.0]])  # is no array
    assert ends.ended.wait(PATIENCE)
    assert ends.channel.receive() is None
    assert "cannot be answered" in caplog.text
    assert ends.network.left == [job]
