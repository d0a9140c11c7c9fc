"""A device server and front processes that are real ones, some of which are killed."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from tests.runtime.shared_device import House, ProbeRuntime, serve_orders, until
from tests.runtime.test_batching import PATIENCE

pytestmark = pytest.mark.integration


class Child:
    """A front process."""

    def __init__(self, place: Path) -> None:
        spawn = get_context("spawn")
        self.line: Connection
        self.line, theirs = spawn.Pipe()
        self.process: BaseProcess = spawn.Process(target=serve_orders, args=(place, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.hear() == "ready"

    def call(self, *values: int) -> None:
        self.line.send(values)

    def hear(self) -> object:
        assert self.line.poll(PATIENCE)
        return self.line.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


@pytest.fixture
def runtime() -> ProbeRuntime:
    return ProbeRuntime(manual=True)


@pytest.fixture
def children(tmp_path: Path, runtime: ProbeRuntime) -> Iterator[list[Child]]:
    house = House(tmp_path)
    server = house.open(runtime)
    children = [Child(house.place), Child(house.place)]
    runtime.probe.wait_until_busy()  # with the row that told the shapes
    runtime.probe.batches.clear()
    yield children
    for child in children:
        child.kill()
    assert server.wait_deserted(PATIENCE)
    until(lambda: blocks() == 0)
    house.close()


def blocks() -> int:
    """Blocks of shared memory that this process has mapped."""
    return Path("/proc/self/maps").read_text().count("/memfd:vultus")


def test_rows_of_two_processes_meet_and_those_of_one_that_is_killed_are_dropped(
    runtime: ProbeRuntime, children: list[Child]
) -> None:
    assert runtime.network
    turns, probe = runtime.network.turns, runtime.probe
    victim, survivor = children
    victim.call(1)
    probe.wait_until_busy()
    victim.call(2)
    survivor.call(3, 4)
    until(lambda: turns.rows == 3)
    probe.let_go(2)
    assert sorted([str(victim.hear()), str(victim.hear())]) == ["[1]", "[2]"]
    assert survivor.hear() == [3, 4]
    assert probe.batches[0] == [1]
    assert sorted(probe.batches[1]) == [0, 2, 3, 4]  # one row of padding
    survivor.call(5)
    probe.wait_until_busy()
    probe.wait_until_busy()
    for _ in range(3):
        victim.call(66, 77)
    survivor.call(6)
    until(lambda: turns.rows == 7)
    victim.kill()
    until(lambda: turns.rows == 1)
    probe.let_go(2)
    assert sorted([str(survivor.hear()), str(survivor.hear())]) == ["[5]", "[6]"]
    assert probe.batches[2:] == [[5], [6]]


def test_one_that_is_killed_while_its_rows_are_computed_harms_nobody(
    runtime: ProbeRuntime, children: list[Child]
) -> None:
    assert runtime.network
    turns, probe = runtime.network.turns, runtime.probe
    victim, survivor = children
    victim.call(1, 2)
    probe.wait_until_busy()
    survivor.call(3)
    until(lambda: turns.rows == 1)
    victim.kill()
    probe.let_go(2)
    assert survivor.hear() == [3]
    assert runtime.counts.failures == runtime.counts.deaths == 0
