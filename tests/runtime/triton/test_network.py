from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tests.runtime.triton.conftest import NAME, rows
from tests.runtime.triton.stub import DESCRIBED, SHAPES, StubTransport
from tests.runtime.triton.test_server import serve

from vultus.errors import Cancelled, EngineError
from vultus.runtime.network import NetworkSpec
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.network import TritonNetwork
from vultus.runtime.triton.protocol import Described, Rejected
from vultus.runtime.workers import Workers
from vultus.types import InputSpec

pytestmark = pytest.mark.unit


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(4)
    yield pool
    pool.close()


def network(
    workers: Workers, transport: StubTransport, described: Described = DESCRIBED, *, exchanges: bool = False
) -> TritonNetwork:
    spec = NetworkSpec(NAME, InputSpec(2, 2), described.outputs)
    server, _ = serve(transport)
    return TritonNetwork(NAME, spec, SHAPES, described, server, workers, exchanges=exchanges, schedules=False)


@pytest.mark.parametrize("count", [1, 8, 9, 21])
def test_rows_go_in_requests_of_a_few_and_come_back_in_order(workers: Workers, count: int) -> None:
    transport = StubTransport()
    first, last = network(workers, transport).run(rows(*range(count)), Ticket())
    assert first[:, 0].tolist() == list(range(count))
    assert last[:, 0, 0].tolist() == list(range(count))
    assert (first.dtype.str, last.dtype.str) == ("<f4", "<i4")
    assert first.flags.writeable
    assert first.flags.owndata
    sizes = sorted(len(request.pixels) for request in transport.requests)
    assert sum(sizes) == count
    assert all(size <= 8 for size in sizes)
    assert len(sizes) == -(-count // 8)


def test_a_model_that_takes_one_picture_gets_one(workers: Workers) -> None:
    transport = StubTransport()
    first, _ = network(workers, transport, replace(DESCRIBED, shape=(2, 2, 3), rows=None)).run(rows(3, 4, 5), Ticket())
    assert first[:, 0].tolist() == [3, 4, 5]
    assert [request.pixels.shape for request in transport.requests] == [(2, 2, 3)] * 3


def test_colours_are_exchanged_where_the_network_wants_the_others(workers: Workers) -> None:
    colours = np.zeros((1, 2, 2, 3), np.uint8) + np.array([1, 2, 3], np.uint8)
    for exchanges, expected in ((False, [1, 2, 3]), (True, [3, 2, 1])):
        _, last = network(workers, StubTransport(), exchanges=exchanges).run(colours, Ticket())
        assert last[0, 0].tolist() == expected


def test_one_request_that_fails_fails_the_batch(workers: Workers) -> None:
    with pytest.raises(EngineError, match="poison"):
        network(workers, StubTransport(None, Rejected("poison"))).run(rows(*range(30)), Ticket())


def test_a_spent_ticket_and_an_empty_batch_cost_nothing(workers: Workers) -> None:
    transport = StubTransport()
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        network(workers, transport).run(rows(1), ticket)
    with pytest.raises(ValueError, match="one row"):
        network(workers, transport).run(rows(1)[:0], Ticket())
    assert transport.requests == []
