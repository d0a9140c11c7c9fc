from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.integration,  # imports Ray
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


class Handle:
    """Stands for a deployment's handle that answers by itself."""

    def __init__(self, wrong: int = 0) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._wrong = wrong

    def remote(self, pixels: Any) -> Handle:
        self.shapes.append(pixels.shape)
        self._answer = int(pixels[0, 0, 0]) + self._wrong
        return self

    def result(self) -> int:
        return self._answer


@pytest.fixture
def hop() -> Any:
    pytest.importorskip("ray")
    from benchmarks import ray_hop

    return ray_hop


def test_calls_are_made_with_pixels_of_that_shape(hop: Any) -> None:
    handle = Handle()
    assert hop.milliseconds(handle, (8, 6, 3), 0.01) > 0
    assert set(handle.shapes) == {(8, 6, 3)}


def test_a_wrong_answer_ends_it(hop: Any) -> None:
    with pytest.raises(RuntimeError, match="something else"):
        hop.milliseconds(Handle(wrong=1), (8, 6, 3), 0.01)


def test_the_echo_depends_on_all_pixels_having_come(hop: Any) -> None:
    assert asyncio.run(hop.Echo()(np.full((4, 4, 3), 9, np.uint8))) == 9
