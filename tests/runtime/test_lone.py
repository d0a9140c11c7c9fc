"""A row that is alone is computed on all cores, others on one each; the answer is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from vultus.runtime.network import NetworkSpec
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.pool import Pool
from vultus.runtime.rows import Lone, Occupancy, RowNetwork, RowOutputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit


@contextmanager
def network(workers: Workers, used: list[str], occupancy: Occupancy) -> Iterator[RowNetwork[str]]:
    def compute(session: str, row: Image) -> RowOutputs:
        used.append(session)
        return [row.astype(np.float32)]

    spec = NetworkSpec("probe", InputSpec(2, 2), ("same",))
    yield RowNetwork(spec, Pool(["one core"] * 2), compute, workers, Lone(Pool(["all cores"]), occupancy))


def rows(count: int) -> Image:
    return np.zeros((count, 2, 2, 3), np.uint8)


def test_a_row_that_is_alone_uses_all_cores_and_rows_of_many_do_not(workers: Workers) -> None:
    used: list[str] = []
    with network(workers, used, Occupancy()) as probe:
        probe.run(rows(1), Ticket())
        assert used == ["all cores"]
        probe.run(rows(3), Ticket())
        assert used[1:] == ["one core"] * 3


def test_a_row_beside_another_s_uses_one_core(workers: Workers) -> None:
    used: list[str] = []
    occupancy = Occupancy()
    with network(workers, used, occupancy) as probe, occupancy.row() as is_alone:
        assert is_alone
        probe.run(rows(1), Ticket())
    assert used == ["one core"]


def test_what_nobody_waits_for_uses_one_core(workers: Workers) -> None:
    used: list[str] = []
    with network(workers, used, Occupancy()) as probe:
        probe.run(rows(1), Ticket(is_hurried=False))
    assert used == ["one core"]


def test_places_are_given_back_after_an_error() -> None:
    occupancy = Occupancy()
    with pytest.raises(ZeroDivisionError), occupancy.row():
        raise ZeroDivisionError
    with occupancy.row() as is_alone:
        assert is_alone


def test_both_ways_of_openvino_answer_alike(
    workers: Workers, model: Callable[[InputSpec], Model], echo_graph: Callable[..., Path]
) -> None:
    spec = InputSpec(4, 3)
    runtime = OpenVinoRuntime("cpu", "f32", workers, 2, all_cores=True)
    probe = runtime.load(model(spec), echo_graph([1, 3, 3, 4]), spec)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), np.uint8)
    together = probe.run(pixels, Ticket())
    for index in range(2):
        for alone, both in zip(probe.run(pixels[index : index + 1], Ticket()), together, strict=True):
            np.testing.assert_array_equal(alone[0], both[index])
