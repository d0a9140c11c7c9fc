"""A network by itself: rows a second, and how long one call takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vultus.bench.bound import rate
from vultus.bench.figures import Latency
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import Image

SEED = 1


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a network is.

    Attributes:
        batch: Rows handed over at once.
        threads: How many threads did so for ``rows_per_second``.
        rows_per_second: With all threads at it.
        latency: Of one call on an idle machine.
    """

    batch: int
    threads: int
    rows_per_second: float
    latency: Latency


def noise(network: Network, rows: int) -> Image:
    """RGB uint8 ``(rows, height, width, 3)`` without any structure: some kernels get through zeros faster."""
    spec = network.spec.input
    return np.random.default_rng(SEED).integers(0, 256, (rows, spec.height, spec.width, 3), np.uint8)


def measure(
    network: Network, batch: int, threads: int, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> Speed:
    """Run a network alone, then with so many threads, for so many seconds each."""
    pixels, ticket = noise(network, batch), Ticket()

    def again() -> None:
        network.run(pixels, ticket)

    again()
    alone: list[float] = []
    start = now = clock()
    while now - start < seconds or not alone:
        again()
        before, now = now, clock()
        alone.append(now - before)
    latency = Latency.of(alone)
    assert latency
    rows = batch * rate(lambda: again, seconds, threads)
    return Speed(batch, threads, rows, latency)
