from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import Cancelled, EngineError
from vultus.runtime.dummy import DummyRuntime
from vultus.runtime.simulated import Device, SimulatedNetwork, SimulatedRuntime, seconds
from vultus.runtime.ticket import Ticket
from vultus.types import Image
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

MODEL = Catalogue.load().model("w600k_mbf")


class Clock:
    """Time that passes when somebody sleeps, and a little at every look."""

    def __init__(self, look: float = 0.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._look = look

    def __call__(self) -> float:
        self.now += self._look
        return self.now

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)
        self.now += duration


def crops(rows: int) -> Image:
    return np.random.default_rng(rows).integers(0, 256, (rows, 112, 112, 3), np.uint8)


@pytest.fixture
def make() -> Iterator[Callable[[Clock], SimulatedRuntime]]:
    made: list[SimulatedRuntime] = []

    def start(clock: Clock) -> SimulatedRuntime:
        made.append(SimulatedRuntime(Device(clock.sleep, clock)))
        return made[-1]

    yield start
    for runtime in made:
        runtime.close()


def network(clock: Clock) -> SimulatedNetwork:
    return SimulatedNetwork(DummyRuntime().load(MODEL, Path("absent"), MODEL.input), Device(clock.sleep, clock))


@pytest.mark.parametrize(("rows", "milliseconds"), [(1, 4.25), (16, 8), (64, 20)])
def test_a_batch_takes_four_milliseconds_and_a_quarter_for_each_row(rows: int, milliseconds: float) -> None:
    clock = Clock()
    network(clock).run(crops(rows), Ticket())
    assert clock.slept == pytest.approx([milliseconds / 1e3])
    assert seconds(rows) == pytest.approx(milliseconds / 1e3)


@pytest.mark.parametrize(("own", "slept"), [(0.001, 0.00325), (1.0, 0.0)])
def test_what_the_answer_itself_took_is_part_of_that(own: float, slept: float) -> None:
    clock = Clock(look=own)
    network(clock).run(crops(1), Ticket())
    assert clock.slept == pytest.approx([slept])


def test_it_takes_64_rows_at_most() -> None:
    clock = Clock()
    with pytest.raises(EngineError, match="64 rows at most, not 65"):
        network(clock).run(crops(65), Ticket())
    assert clock.slept == []


def test_a_spent_ticket_costs_nothing() -> None:
    clock, ticket = Clock(), Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        network(clock).run(crops(1), ticket)
    assert clock.slept == []


def test_it_answers_as_the_dummy_does_in_batches(make: Callable[[Clock], SimulatedRuntime]) -> None:
    clock = Clock()
    runtime = make(clock)
    batch = crops(70)
    (expected,) = DummyRuntime().load(MODEL, Path("absent"), MODEL.input).run(batch, Ticket())
    loaded = runtime.load(MODEL, Path("absent"), MODEL.input)
    np.testing.assert_array_equal(loaded.run(batch, Ticket())[0], expected)
    assert clock.slept == pytest.approx([seconds(64), seconds(8)])
    assert (runtime.counts.rows, runtime.counts.padding) == (70, 2)
    assert loaded.spec.name == "w600k_mbf"


def test_it_is_told_apart_from_the_dummy_and_plays_the_same_families(
    make: Callable[[Clock], SimulatedRuntime],
) -> None:
    runtime = make(Clock())
    assert (runtime.name, runtime.device, runtime.needs_files) == ("dummy", "simulated", False)
    assert set(runtime.families) == set(DummyRuntime().families)
