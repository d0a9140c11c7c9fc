from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.runtime.triton.stub import StubTransport, call

from vultus.errors import Cancelled, DeadlineExceeded, EngineError, NotReady
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.keeper import Keeper
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.protocol import Late, Lost, Rejected, Unknown
from vultus.runtime.triton.server import Server, TritonGone

pytestmark = pytest.mark.unit

LOST = Lost("connection refused")


class Suspicion(SimpleNamespace):
    """A keeper that only counts who suspects."""

    absence: str | None = None
    count = 0

    def suspect(self) -> None:
        self.count += 1


def serve(transport: StubTransport, folder: Path | None = None) -> tuple[Server, Suspicion]:
    keeper = Suspicion()
    make = None if folder is None else lambda: Regions(transport, folder)
    return Server(transport, cast("Keeper", keeper), make), keeper


def test_a_request_that_nobody_answered_is_sent_once_more() -> None:
    transport = StubTransport(LOST)
    server, keeper = serve(transport)
    asked = call()
    server.compute(asked, Ticket())
    assert asked.results[0].tolist() == [[5]]
    assert len(transport.requests) == 2
    assert keeper.count == 0


def test_but_not_for_ever() -> None:
    transport = StubTransport(LOST, LOST, LOST)
    server, keeper = serve(transport)
    with pytest.raises(TritonGone) as caught:
        server.compute(call(), Ticket())
    assert len(transport.requests) == 2
    assert keeper.count == 1
    assert isinstance(caught.value, NotReady)
    assert caught.value.code == "not_ready"


def test_while_the_server_is_known_to_be_gone_nothing_is_sent() -> None:
    transport = StubTransport()
    server, keeper = serve(transport)
    keeper.absence = "it is away"
    with pytest.raises(TritonGone, match="it is away"):
        server.compute(call(), Ticket())
    assert transport.requests == []


def test_it_is_not_sent_again_when_the_server_has_been_found_to_be_gone_meanwhile() -> None:
    transport = StubTransport()
    server, keeper = serve(transport)

    def go() -> None:
        keeper.absence = "it is away"
        raise LOST

    transport.script = [go]
    with pytest.raises(TritonGone, match="it is away"):
        server.compute(call(), Ticket())
    assert len(transport.requests) == 1


def test_what_comes_too_late_is_a_deadline_and_is_not_sent_again() -> None:
    transport = StubTransport(Late("timed out"))
    server, _ = serve(transport)
    with pytest.raises(DeadlineExceeded):
        server.compute(call(), Ticket.within(60))
    assert len(transport.requests) == 1


def test_a_request_that_was_given_up_ends_as_that() -> None:
    ticket = Ticket()

    def give_up() -> None:
        ticket.cancel()
        raise LOST  # as the library tells of a request that was taken back

    transport = StubTransport(give_up)
    server, _ = serve(transport)
    with pytest.raises(Cancelled):
        server.compute(call(), ticket)
    assert len(transport.requests) == 1


def test_a_network_that_was_taken_away_is_a_lack_and_is_looked_for() -> None:
    server, keeper = serve(StubTransport(Unknown("unknown model")))
    with pytest.raises(TritonGone, match="no probe any more"):
        server.compute(call(), Ticket())
    assert keeper.count == 1


def test_rows_that_the_server_cannot_do_fail_at_once_with_its_words(caplog: pytest.LogCaptureFixture) -> None:
    transport = StubTransport(Rejected("a row is poisonous\n\nAt:\n  /model.py(13): execute"))
    server, _ = serve(transport)
    with pytest.raises(EngineError, match="a row is poisonous") as caught:
        server.compute(call(), Ticket())
    assert "model.py" not in caught.value.message
    assert caught.value.code == "engine_failed"
    assert len(transport.requests) == 1
    assert "failed on probe" in caplog.text


def test_a_server_that_does_not_know_the_memory_is_told_of_other(tmp_path: Path) -> None:
    transport = StubTransport(Rejected("Unable to find shared memory region: 'x'"))
    server, _ = serve(transport, tmp_path)
    server.compute(call(), Ticket())
    regions = [cast("Any", request.source).region for request in transport.requests]
    assert len(set(regions)) == 2


def test_other_failures_leave_the_memory_as_it_is(tmp_path: Path) -> None:
    transport = StubTransport(Rejected("poison"))
    server, _ = serve(transport, tmp_path)
    with pytest.raises(EngineError):
        server.compute(call(), Ticket())
    server.compute(call(), Ticket())
    prefixes = {cast("Any", request.source).region.rpartition("-")[0] for request in transport.requests}
    assert len(prefixes) == 1


def test_closing_tells_the_server_to_let_go_unless_it_is_gone(tmp_path: Path) -> None:
    for absence, left in ((None, 0), ("away", 1)):
        transport = StubTransport()
        server, keeper = serve(transport, tmp_path)
        server.compute(call(), Ticket())
        keeper.absence = absence
        server.close()
        assert len(transport.regions) == left
        assert transport.is_closed
