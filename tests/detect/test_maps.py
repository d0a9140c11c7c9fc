from __future__ import annotations

import itertools

import numpy as np
import pytest

from vultus.detect.maps import maps
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import NetworkSpec
from vultus.types import FloatArray, InputSpec

pytestmark = pytest.mark.unit

SPEC = NetworkSpec("probe", InputSpec(32, 16), ("a", "b", "c"))  # 8 x 4 cells


def filled(channels: int, value: float, rows: int = 4, columns: int = 8) -> FloatArray:
    return np.full((1, channels, rows, columns), value, np.float32)


def test_maps_are_told_by_their_channels_in_any_order() -> None:
    outputs = [filled(1, 1), filled(4, 2), filled(10, 3)]
    for order in itertools.permutations(outputs):
        found = maps(order, (1, 4, 10), SPEC)
        assert [(part.shape, part[0, 0, 0]) for part in found] == [((1, 4, 8), 1), ((4, 4, 8), 2), ((10, 4, 8), 3)]


def test_of_two_with_as_many_channels_the_graphs_order_counts() -> None:
    first, second = maps((filled(2, 1), filled(1, 9), filled(2, 2)), (1, 2, 2), SPEC)[1:]
    assert (first[0, 0, 0], second[0, 0, 0]) == (1, 2)


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param((filled(1, 0),), id="one is missing"),
        pytest.param((filled(1, 0), filled(4, 0), filled(3, 0)), id="one too many"),
        pytest.param((filled(1, 0), filled(5, 0)), id="other channels"),
        pytest.param((filled(1, 0), filled(4, 0, 8, 4)), id="of another canvas"),
        pytest.param((filled(1, 0), np.zeros((1, 4), np.float32)), id="no map"),
    ],
)
def test_other_outputs_are_refused(outputs: tuple[FloatArray, ...]) -> None:
    with pytest.raises(IncompatibleGraph, match=r"probe answers with shapes \[1, 1, 4, 8\].* has .*\[1, 4, 4, 8\]"):
        maps(outputs, (1, 4), SPEC)
