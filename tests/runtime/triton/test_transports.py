"""Both ways to ask, over real sockets of this process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tests.runtime.triton.conftest import NAME, SHA, rows
from tests.runtime.triton.fake import POISON, FakeModel, FakeServer, Refusal, invalid

from vultus.runtime.ticket import Ticket
from vultus.runtime.triton import protocol
from vultus.runtime.triton.address import Address
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.protocol import (
    BINARY,
    SHARED,
    Described,
    Failure,
    Late,
    Lost,
    Rejected,
    Request,
    Transport,
    Unknown,
)
from vultus.runtime.triton.runtime import connect

pytestmark = pytest.mark.unit

PATIENCE = 10.0


@pytest.fixture
def transport(fake: FakeServer) -> Iterator[Transport]:
    transport = connect(Address.parse(fake.url))
    transport.extensions(PATIENCE)
    yield transport
    transport.close()


def request(*values: int, microseconds: int | None = None) -> Request:
    return Request(NAME, "pixels", rows(*values), ("first", "last"), microseconds=microseconds)


def test_a_server_says_what_it_is(fake: FakeServer, transport: Transport) -> None:
    assert {BINARY, SHARED} <= transport.extensions(PATIENCE)
    assert transport.is_ready(PATIENCE)
    fake.is_ready = False
    assert not transport.is_ready(PATIENCE)


def test_a_model_is_described(fake: FakeServer, transport: Transport) -> None:
    told = {"sha256": SHA, "precision": "f32"}
    assert transport.describe(NAME, PATIENCE) == Described(
        "pixels", "UINT8", (-1, 2, 2, 3), ("first", "last"), 64, told
    )
    fake.models["single"] = FakeModel(rows=0)
    assert transport.describe("single", PATIENCE) == Described("pixels", "UINT8", (2, 2, 3), ("first", "last"))


def test_also_by_a_server_that_tells_nobody_how_it_is_set_up(fake: FakeServer) -> None:
    fake.extensions = (BINARY,)
    transport = connect(Address.parse(fake.url))
    transport.extensions(PATIENCE)
    assert transport.describe(NAME, PATIENCE) == Described("pixels", "UINT8", (-1, 2, 2, 3), ("first", "last"))
    transport.close()


def test_rows_are_computed(fake: FakeServer, transport: Transport) -> None:
    first, last = transport.infer(request(3, 4), Ticket())
    assert first.tolist() == [[3], [4]]
    assert last.tolist() == [[[3] * 3] * 2, [[4] * 3] * 2]
    assert (first.dtype.str, last.dtype.str) == ("<f4", "<i4")
    transport.infer(request(1, microseconds=5_000_000), Ticket())
    assert fake.asked == [(2, None), (1, 5_000_000)]


def test_outputs_come_in_the_order_asked_for(transport: Transport) -> None:
    last, first = transport.infer(Request(NAME, "pixels", rows(3), ("last", "first")), Ticket())
    assert (last.shape, first.shape) == ((1, 2, 3), (1, 1))


def test_a_server_that_wants_or_gives_numbers_is_understood(fake: FakeServer) -> None:
    fake.extensions, fake.raw = (), False
    transport = connect(Address.parse(fake.url))
    transport.extensions(PATIENCE)
    first, last = transport.infer(request(3, 250), Ticket())
    assert first.tolist() == [[3], [250]]
    assert (first.dtype.str, last.dtype.str) == ("<f4", "<i4")
    assert last[1].tolist() == [[250] * 3] * 2
    transport.close()


def test_pixels_and_outputs_can_stay_in_shared_memory(fake: FakeServer, transport: Transport, tmp_path: Path) -> None:
    regions = Regions(transport)
    block = regions.lend(4096, PATIENCE)
    assert len(fake.regions) == 1
    pixels = block.memory[:24].reshape(2, 2, 2, 3)
    pixels[:] = rows(7, 8)
    outputs = [block.memory[64:72].view("<f4"), block.memory[128:176].view("<i4")]
    places = [regions.place(block, output) for output in outputs]
    shared = Request(NAME, "pixels", pixels, ("first", "last"), regions.place(block, pixels), places)
    assert transport.infer(shared, Ticket()) == []
    assert outputs[0].tolist() == [7, 8]
    assert outputs[1].tolist() == [7] * 6 + [8] * 6
    regions.close()
    assert fake.regions == {}


def test_memory_that_a_server_cannot_open_is_refused(transport: Transport) -> None:
    with pytest.raises(Rejected, match="shared memory"):
        transport.register("name", "/vultus-that-is-not-there", 4096, PATIENCE)


def test_a_model_that_is_not_there_is_unknown(transport: Transport) -> None:
    with pytest.raises(Unknown, match="'ghost' is not found"):
        transport.describe("ghost", PATIENCE)
    with pytest.raises(Unknown):
        transport.infer(Request("ghost", "pixels", rows(1), ("first",)), Ticket())


def test_what_the_server_cannot_do_it_says(transport: Transport) -> None:
    with pytest.raises(Rejected, match=r"^a row is poisonous$"):
        transport.infer(request(POISON), Ticket())


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal("the server is ending", 503, grpc.StatusCode.UNAVAILABLE), Lost),
        (Refusal("it fell over", 500, grpc.StatusCode.INTERNAL), Rejected),
        (invalid("unexpected shape"), Rejected),
    ],
)
def test_errors_are_told_apart(fake: FakeServer, transport: Transport, refusal: Refusal, kind: type[Failure]) -> None:
    fake.refuse_next = [refusal]
    with pytest.raises(kind, match=str(refusal)):
        transport.infer(request(1), Ticket())


def test_a_wait_ends_at_the_deadline(fake: FakeServer, transport: Transport) -> None:
    fake.gate.clear()
    with pytest.raises(Late):
        transport.infer(request(1), Ticket.within(0.05))
    fake.gate.set()
    assert transport.infer(request(2), Ticket.within(PATIENCE))[0].tolist() == [[2]]


def test_a_stuck_server_is_not_waited_for_for_ever_though_nobody_set_a_deadline(
    fake: FakeServer, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LONGEST", 0.05)
    fake.gate.clear()
    with pytest.raises(Late):
        transport.infer(request(1), Ticket())
    fake.gate.set()


def test_many_threads_ask_at_once(fake: FakeServer, transport: Transport) -> None:
    fake.gate.clear()
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(transport.infer, request(value), Ticket.within(PATIENCE)) for value in range(8)]
        for _ in answers:
            assert fake.waiting.acquire(timeout=PATIENCE)  # all eight are there before one is answered
        fake.gate.set()
        assert [answer.result()[0].tolist() for answer in answers] == [[[value]] for value in range(8)]


def test_nobody_there_is_told_at_once_and_one_who_comes_back_is_reached(fake: FakeServer, transport: Transport) -> None:
    assert transport.infer(request(1), Ticket())[0].tolist() == [[1]]
    fake.stop()
    with pytest.raises(Lost):
        transport.infer(request(2), Ticket.within(PATIENCE))
    with pytest.raises(Lost):
        transport.is_ready(PATIENCE)
    fake.start()
    ticket = Ticket.within(PATIENCE)
    while True:  # gRPC waits a second before it connects again
        try:
            assert transport.infer(request(3), ticket)[0].tolist() == [[3]]
        except Lost:
            ticket.check()
        else:
            break


def test_a_request_under_way_fails_when_the_server_goes(fake: FakeServer, transport: Transport) -> None:
    fake.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(transport.infer, request(1), Ticket.within(PATIENCE))
        assert fake.waiting.acquire(timeout=PATIENCE)
        fake.refuse_next = [invalid("it is over")]
        fake.stop()
        with pytest.raises((Lost, Rejected)):
            waiting.result(PATIENCE)


@pytest.mark.parametrize("fake", ["grpc"], indirect=True)
def test_over_grpc_a_request_that_is_given_up_is_taken_back(fake: FakeServer, transport: Transport) -> None:
    fake.gate.clear()
    ticket = Ticket.within(PATIENCE)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(transport.infer, request(1), ticket)
        assert fake.waiting.acquire(timeout=PATIENCE)
        ticket.cancel()
        with pytest.raises(Lost):
            waiting.result(PATIENCE)
        assert fake.cancelled.wait(PATIENCE)
        fake.gate.set()


@pytest.mark.parametrize("fake", ["http"], indirect=True)
def test_over_http_connections_are_used_again(fake: FakeServer, transport: Transport) -> None:
    for value in range(5):
        transport.infer(request(value), Ticket())
    assert fake.connections == 1
