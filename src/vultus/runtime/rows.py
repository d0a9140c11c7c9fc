"""A network run row by row over the cores that are idle: what pays on a CPU (``docs/performance.md``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.pool import Pool
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image

S = TypeVar("S")
RowOutputs: TypeAlias = list[NDArray[Any]]


class RowNetwork(Generic[S]):
    """A network whose engine takes one picture at a time.

    Args:
        spec: Input and outputs.
        sessions: What the engine computes with, lent to who runs a row: they bound how many rows are run at once.
        compute: Runs pixels ``(1, height, width, 3)`` in a session and returns the graph's outputs, which belong to
            the caller. A leading axis of length 1 is taken to be the batch's.
        workers: Whose idle threads help with further rows.
    """

    def __init__(
        self, spec: NetworkSpec, sessions: Pool[S], compute: Callable[[S, Image], RowOutputs], workers: Workers
    ) -> None:
        self.spec = spec
        self._sessions = sessions
        self._compute = compute
        self._workers = workers

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol."""
        rows: list[RowOutputs] = [[] for _ in range(len(batch))]

        def run_row(index: int) -> None:
            with self._sessions.lend(ticket) as session:
                outputs = self._compute(session, batch[index : index + 1])
            rows[index] = [out[0] if out.ndim > 1 and len(out) == 1 else out for out in outputs]

        self._workers.spread(len(batch), run_row, ticket)
        if len(rows) == 1:
            return tuple(out[np.newaxis] for out in rows[0])
        return tuple(np.stack(column) for column in zip(*rows, strict=True))
