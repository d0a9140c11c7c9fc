"""A network by itself, on a clock of the test's own."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from vultus.bench.network import measure, noise
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

pytestmark = pytest.mark.unit


class Slow:
    """A network whose first call takes 100 seconds of its own clock, and each later one a millisecond more."""

    def __init__(self) -> None:
        self.spec = NetworkSpec("slow", InputSpec(8, 4), ())
        self.now = 0.0
        self.batches: list[int] = []
        self.threads: set[int] = set()

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        self.now += len(self.batches) / 1000 or 100
        self.batches.append(len(batch))
        self.threads.add(threading.get_ident())
        return ()


def test_one_call_at_a_time_and_the_first_does_not_count() -> None:
    network = Slow()
    speed = measure(network, batch=3, threads=2, seconds=0.006, clock=lambda: network.now)
    assert set(network.batches) == {3}
    assert (speed.batch, speed.threads) == (3, 2)
    assert (speed.latency.p50_ms, speed.latency.max_ms) == pytest.approx((2, 3))  # calls of 1, 2, 3 ms
    assert len(network.threads - {threading.get_ident()}) == 2
    assert speed.rows_per_second > 0


def test_noise_has_the_networks_shape_and_all_values() -> None:
    pixels = noise(Slow(), 40)
    assert pixels.shape == (40, 4, 8, 3)
    assert pixels.dtype == np.uint8
    assert (pixels.min(), pixels.max()) == (0, 255)
