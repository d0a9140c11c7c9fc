"""Networks that answer what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from vultus.imaging.align import Crops
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec


class Parrot:
    """Answers with the given rows, whatever the crops."""

    def __init__(self, rows: Sequence[Sequence[float]], side: int) -> None:
        self.spec = NetworkSpec("parrot", InputSpec(side, side), ("out",))
        self._rows = np.array(rows, np.float32)

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        assert len(batch) == len(self._rows)
        return (self._rows,)


@pytest.fixture
def parrot() -> Callable[..., Parrot]:
    return lambda rows, side: Parrot(rows, side)


@pytest.fixture
def black() -> Callable[[int, int], Crops]:
    """Black crops of a size."""
    return lambda n, side: Crops(np.zeros((n, side, side, 3), np.uint8), np.tile(np.eye(2, 3), (n, 1, 1)))
