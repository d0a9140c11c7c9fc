"""One request for rows: sent to the server, or laid into memory that it maps, too."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.blocks import Shapes
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.protocol import Described, Place, Rejected, Request, Transport
from vultus.types import Image

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """Rows that are to be computed.

    Attributes:
        model: The server's name of the network.
        described: What the server says of it.
        shapes: Of a row of its input, and of each output.
        rows: uint8 ``(n, height, width, 3)``, no more than it takes at once.
        results: Where the outputs are to be written: one array each, of n rows.
        schedules: Whether the server drops requests that have waited too long.
    """

    model: str
    described: Described
    shapes: Shapes
    rows: Image
    results: Outputs
    schedules: bool = False

    def send(self, transport: Transport, ticket: Ticket) -> None:
        """Have them computed; pixels and outputs travel.

        Raises:
            Failure: They were not.
        """
        self._take(transport.infer(self._request(self.rows, ticket), ticket))

    def share(self, transport: Transport, regions: Regions, ticket: Ticket) -> None:
        """Have them computed; pixels and outputs stay where they are, unless there is no room for them there.

        Raises:
            Failure: They were not.
        """
        try:
            block = regions.lend(self.shapes.size(len(self.rows)), ticket.remaining())
        except OSError as error:
            logger.warning("there is no memory to share with the Triton server, so rows are sent: %s", error)
            self.send(transport, ticket)
            return
        try:
            pixels, *outputs = self.shapes.arrays(block.memory, len(self.rows))
            pixels[:] = self.rows
            places = [regions.place(block, output) for output in outputs]
            transport.infer(self._request(pixels, ticket, regions.place(block, pixels), places), ticket)
            self._take(outputs)
        except BaseException:
            regions.drop(block)  # the server may still be at it
            raise
        regions.take_back(block)

    def _request(
        self,
        pixels: NDArray[np.uint8],
        ticket: Ticket,
        source: Place | None = None,
        targets: Sequence[Place] = (),
    ) -> Request:
        left = ticket.remaining()
        return Request(
            model=self.model,
            input=self.described.input,
            pixels=pixels if len(self.described.shape) == 4 else pixels[0],
            outputs=self.described.outputs,
            source=source,
            targets=targets,
            microseconds=int(left * 1e6) if self.schedules and left else None,
        )

    def _take(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Copy the outputs: what a library hands out is read-only, and shared memory is used again."""
        for array, result in zip(arrays, self.results, strict=True):
            if array.dtype != result.dtype or array.size != result.size:
                raise Rejected(
                    f"it answers with {array.dtype} {array.shape} where it was {result.dtype} {result.shape} before"
                )
            result[...] = array.reshape(result.shape)
