from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vultus.attributes.rows import run_rows
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket

pytestmark = pytest.mark.unit

Maker = Callable[..., Any]
MakeCrops = Callable[[int, int], Crops]


def test_one_row_a_crop_whatever_the_shape_of_the_output(parrot: Maker, black: MakeCrops) -> None:
    rows = run_rows(parrot([[[1], [2]], [[3], [4]]], 8), black(2, 8), Ticket(), 2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    assert rows.dtype == np.float32


def test_a_network_of_another_family_is_named(parrot: Maker, black: MakeCrops) -> None:
    with pytest.raises(IncompatibleGraph, match="parrot answers with 4 values a face; its family has 3"):
        run_rows(parrot([[1, 2, 3, 4]], 8), black(1, 8), Ticket(), 3)
