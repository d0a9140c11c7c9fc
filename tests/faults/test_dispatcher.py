"""What hands batches to a device, when the device, a caller or itself fails in ways that nobody foresaw."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from vultus.errors import EngineError, OutOfMemory, VultusError
from vultus.runtime.batching import Batcher, BatchingNetwork
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.turns import Job
from vultus.types import Image, InputSpec

pytestmark = pytest.mark.unit

PATIENCE = 30


class Device:
    """Answers each row with its first pixel, unless it is told to fail."""

    def __init__(self) -> None:
        self.spec = NetworkSpec("probe", InputSpec(2, 2), ("value",))
        self.fails: Callable[[int], BaseException | None] = lambda _: None

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        if error := self.fails(len(batch)):
            raise error
        return (batch[:, 0, 0, :1].astype(np.float32),)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def batcher() -> Iterator[Batcher]:
    made = Batcher()
    yield made
    made.close()


@pytest.fixture
def network(device: Device, batcher: Batcher) -> BatchingNetwork:
    return batcher.wrap(device, (1, 2, 4))


def call(network: BatchingNetwork, *values: int) -> list[int]:
    batch = np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])
    return [int(value) for value in network.run(batch, Ticket.within(PATIENCE))[0][:, 0]]


def test_it_begins_anew_as_often_as_it_dies(device: Device, batcher: Batcher, network: BatchingNetwork) -> None:
    for deaths in range(1, 4):
        device.fails = lambda _: SystemExit()
        with pytest.raises(EngineError, match="has died"):
            call(network, 1)
        device.fails = lambda _: None
        assert call(network, 7, 8, 9) == [7, 8, 9]
        assert batcher.counts.deaths == deaths


def test_a_caller_that_cannot_be_told_keeps_nobody_waiting(
    batcher: Batcher, network: BatchingNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def refuse(_: VultusError | None) -> None:
        told.put(None)
        raise ValueError("nobody there")

    network.submit(Job(np.zeros((1, 2, 2, 3), np.uint8), Ticket(), refuse))
    told.get(timeout=PATIENCE)
    assert call(network, 3) == [3]
    assert "nobody there" in caplog.text
    assert batcher.counts.deaths == 0


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA failure 2: out of memory")])
def test_rows_for_which_the_device_has_no_memory_fail_and_others_do_not(
    device: Device, batcher: Batcher, network: BatchingNetwork, error: Exception
) -> None:
    device.fails = lambda _: error
    with pytest.raises(OutOfMemory):
        call(network, 1)
    device.fails = lambda _: None
    assert call(network, 2) == [2]
    assert batcher.counts.deaths == 0


def test_a_batch_that_is_too_large_for_the_memory_is_computed_in_smaller_ones(
    device: Device, network: BatchingNetwork
) -> None:
    device.fails = lambda rows: MemoryError() if rows > 2 else None
    assert call(network, 1, 2, 3, 4) == [1, 2, 3, 4]
