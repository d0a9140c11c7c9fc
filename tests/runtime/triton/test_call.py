from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.triton.conftest import rows
from tests.runtime.triton.stub import DESCRIBED, StubTransport, call

from vultus.runtime.blocks import Block
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.protocol import Late, Rejected

pytestmark = pytest.mark.unit


def test_what_comes_is_written_into_arrays_of_the_callers_own() -> None:
    asked = call(rows(3, 4))
    asked.send(StubTransport(), Ticket())
    first, last = asked.results
    assert first.tolist() == [[3], [4]]
    assert last.tolist() == [[[3] * 3] * 2, [[4] * 3] * 2]
    assert first.flags.writeable
    assert last.flags.writeable


def test_a_model_without_an_axis_of_rows_is_given_none() -> None:
    transport = StubTransport()
    asked = call(rows(7), replace(DESCRIBED, shape=(2, 2, 3)))
    asked.send(transport, Ticket())
    assert transport.requests[0].pixels.shape == (2, 2, 3)
    assert asked.results[0].tolist() == [[7]]


def test_only_a_server_that_heeds_it_is_told_how_long_the_rows_matter() -> None:
    transport = StubTransport()
    call().send(transport, Ticket.within(60))
    call(schedules=True).send(transport, Ticket())
    call(schedules=True).send(transport, Ticket.within(60))
    assert [request.microseconds for request in transport.requests[:2]] == [None, None]
    assert 50e6 < (transport.requests[2].microseconds or 0) <= 60e6


@pytest.mark.parametrize(("first", "dtype"), [((3,), "<f4"), ((1,), "<f8")])
def test_answers_of_another_form_than_at_the_start_are_refused(first: tuple[int, ...], dtype: str) -> None:
    asked = call()
    asked = replace(asked, results=(np.empty((1, *first), dtype), asked.results[1]))
    with pytest.raises(Rejected, match="answers with float32"):
        asked.send(StubTransport(), Ticket())


class Echo:
    """Plays the server's part in shared memory."""

    def __init__(self, regions: Regions, transport: StubTransport) -> None:
        self.block: Block | None = None
        lend = regions.lend

        def spy(size: int, seconds: float | None) -> Block:
            self.block = lend(size, seconds)
            return self.block

        regions.lend = spy  # type: ignore[method-assign]
        self._transport = transport

    def compute(self) -> None:
        request = self._transport.requests[-1]
        assert self.block is not None
        assert request.source is not None
        memory = self.block.memory
        pixels = memory[request.source.offset :][: request.source.size].reshape(-1, 2, 2, 3)
        for array, target in zip(
            [pixels[:, 0, 0, :1].astype(np.float32), pixels[:, -1].astype(np.int32)], request.targets, strict=True
        ):
            assert target.size == array.nbytes
            memory[target.offset :][: target.size] = np.frombuffer(array.tobytes(), np.uint8)


def test_rows_and_outputs_can_lie_in_shared_memory(tmp_path: Path) -> None:
    transport = StubTransport()
    regions = Regions(transport, tmp_path)
    echo = Echo(regions, transport)
    kept = []
    for value in (3, 9):
        transport.script = [echo.compute]
        asked = call(rows(value, value + 1))
        asked.share(transport, regions, Ticket())
        kept.append(asked.results)
    assert [first.tolist() for first, _ in kept] == [[[3], [4]], [[9], [10]]]  # the second has not changed the first's
    assert kept[0][0].flags.writeable
    assert len(transport.regions) == 1  # it was used again


def test_memory_of_a_request_that_failed_is_never_lent_again(tmp_path: Path) -> None:
    transport = StubTransport(Late("no answer"))
    regions = Regions(transport, tmp_path)
    echo = Echo(regions, transport)
    with pytest.raises(Late):
        call().share(transport, regions, Ticket())
    assert transport.regions == {}  # it may still be written to
    abandoned = echo.block
    transport.script = [echo.compute]
    call().share(transport, regions, Ticket())
    assert echo.block is not abandoned


def test_without_room_in_memory_rows_are_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    transport = StubTransport()
    asked = call(rows(3))
    asked.share(transport, Regions(transport, tmp_path / "missing"), Ticket())
    assert transport.requests[0].source is None
    assert asked.results[0].tolist() == [[3]]
    assert "no memory to share" in caplog.text
