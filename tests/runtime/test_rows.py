from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from vultus.errors import Cancelled
from vultus.runtime.network import NetworkSpec
from vultus.runtime.pool import Pool
from vultus.runtime.rows import RowNetwork, RowOutputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec

BATCH = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)


def network(compute: Callable[[int, Image], RowOutputs], workers: Workers) -> RowNetwork[int]:
    return RowNetwork(NetworkSpec("net", InputSpec(2, 2), ("out",)), Pool(range(2)), compute, workers)


def sums(_: int, row: Image) -> RowOutputs:
    """One output with a batch axis, one without, one that is a single number."""
    assert row.shape == (1, 2, 2, 3)
    return [row.sum(axis=(1, 2)), row[0].sum(axis=2), np.array([row.sum()])]


@pytest.mark.unit
@pytest.mark.parametrize("n", [1, 2, 5])
def test_rows_are_stacked_in_order_whatever_the_graphs_batch_axis(workers: Workers, n: int) -> None:
    batch = BATCH[:n]
    by_channel, by_pixel, total = network(sums, workers).run(batch, Ticket())
    np.testing.assert_array_equal(by_channel, batch.sum(axis=(1, 2)))
    np.testing.assert_array_equal(by_pixel, batch.sum(axis=3))
    np.testing.assert_array_equal(total, batch.sum(axis=(1, 2, 3))[:, np.newaxis])


@pytest.mark.unit
def test_a_spent_ticket_stops_before_the_next_row(workers: Workers) -> None:
    ticket = Ticket()

    def cancel(_: int, row: Image) -> RowOutputs:
        ticket.cancel()
        return [row]

    with pytest.raises(Cancelled):
        network(cancel, workers).run(np.repeat(BATCH, 20, axis=0), ticket)


@pytest.mark.performance
def test_the_faces_of_a_lone_picture_are_shared_by_the_workers() -> None:
    pool = Workers(2)
    together = threading.Barrier(2)  # passes only if two threads hold a row at the same time

    def meet(_: int, row: Image) -> RowOutputs:
        together.wait(30)
        return [row]

    while pool.idle < 2:  # the threads are on their way to the queue
        pass
    picture = pool.submit(network(meet, pool).run, BATCH[:4], Ticket())
    np.testing.assert_array_equal(picture.result(60)[0], BATCH[:4])
    pool.close()
