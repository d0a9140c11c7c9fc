"""A network that a server runs."""

from __future__ import annotations

import math

import numpy as np

from vultus.runtime.blocks import Shapes
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.call import Call
from vultus.runtime.triton.fit import rows_of
from vultus.runtime.triton.protocol import Described
from vultus.runtime.triton.server import Server
from vultus.runtime.workers import Workers
from vultus.types import Image


class TritonNetwork:
    """A network on a server; made by ``TritonRuntime.load``.

    Rows go in requests of a few, from whichever threads are idle: the server makes batches of what comes from all
    pictures and all its clients, and a picture with many faces holds up nobody's single one.

    Args:
        name: What the server calls it.
        spec: Input and outputs.
        shapes: Of a row.
        described: What the server says of it.
        server: Computes it.
        workers: Whose idle threads help with further rows.
        exchanges: Whether the network on the server wants red for blue, unlike ``spec``, or the other way round.
        schedules: Whether the server drops requests that have waited too long.
    """

    def __init__(
        self,
        name: str,
        spec: NetworkSpec,
        shapes: Shapes,
        described: Described,
        server: Server,
        workers: Workers,
        *,
        exchanges: bool,
        schedules: bool,
    ) -> None:
        self.spec = spec
        self.described = described
        self._name = name
        self._shapes = shapes
        self._server = server
        self._workers = workers
        self._exchanges = exchanges
        self._schedules = schedules

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol.

        Raises:
            TritonGone: The server cannot be used.
            EngineError: It failed on these rows.
        """
        ticket.check()
        if not len(batch):
            raise ValueError("a batch has one row at least")
        if self._exchanges:
            batch = batch[..., ::-1]
        described = self.described
        rows = rows_of(described)
        results = tuple(np.empty((len(batch), *shape), dtype) for shape, dtype in self._shapes.outputs)

        def run_piece(index: int) -> None:
            piece = slice(index * rows, (index + 1) * rows)
            parts = tuple(result[piece] for result in results)
            call = Call(self._name, described, self._shapes, batch[piece], parts, self._schedules)
            self._server.compute(call, ticket)

        self._workers.spread(math.ceil(len(batch) / rows), run_piece, ticket)
        return results
