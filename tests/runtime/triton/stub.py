"""A transport that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.runtime.triton.conftest import NAME, SHA, rows

from vultus.runtime.blocks import Shapes
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.call import Call
from vultus.runtime.triton.protocol import Described, Request
from vultus.types import Image

SHAPES = Shapes((2, 2, 3), (((1,), "<f4"), ((2, 3), "<i4")))
DESCRIBED = Described("pixels", "UINT8", (-1, 2, 2, 3), ("first", "last"), 64, {"sha256": SHA, "precision": "f32"})


class StubTransport:
    """Does what the next of ``script`` says to each request for rows: raises it, or calls it first.

    Attributes:
        requests: So far.
        regions: What it was told to map, and not to let go of.
    """

    def __init__(self, *script: Exception | Callable[[], object] | None) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.regions: dict[str, tuple[str, int]] = {}
        self.on_register: Callable[[str, str, int], object] = lambda region, key, size: None
        self.is_closed = False

    def is_ready(self, seconds: float) -> bool:
        return True

    def extensions(self, seconds: float) -> frozenset[str]:
        return frozenset()

    def describe(self, model: str, seconds: float | None) -> Described:
        return DESCRIBED

    def infer(self, request: Request, ticket: Ticket) -> list[NDArray[Any]]:
        self.requests.append(request)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        if request.targets:
            return []
        pixels = request.pixels.reshape(-1, 2, 2, 3)
        arrays = [pixels[:, 0, 0, :1].astype(np.float32), pixels[:, -1].astype(np.int32)]
        for array in arrays:
            array.flags.writeable = False  # as those of the library
        return arrays

    def register(self, region: str, key: str, size: int, seconds: float | None) -> None:
        self.on_register(region, key, size)
        self.regions[region] = key, size

    def unregister(self, region: str, seconds: float | None) -> None:
        self.regions.pop(region, None)

    def close(self) -> None:
        self.is_closed = True


def results(count: int) -> Outputs:
    """Arrays for what so many rows come to."""
    return tuple(np.full((count, *shape), -1, dtype) for shape, dtype in SHAPES.outputs)


def call(pixels: Image | None = None, described: Described = DESCRIBED, *, schedules: bool = False) -> Call:
    pixels = rows(5) if pixels is None else pixels
    return Call(NAME, described, SHAPES, pixels, results(len(pixels)), schedules)
