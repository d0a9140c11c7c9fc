"""A network run row by row over the cores that are idle: what pays on a CPU (``docs/performance.md``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.layout import row_shape
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.pool import Pool
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image

S = TypeVar("S")
RowOutputs: TypeAlias = list[NDArray[Any]]


class Occupancy:
    """Counts the rows that an engine computes at this moment, over all its networks."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @contextmanager
    def row(self) -> Iterator[bool]:
        """Counts one more for the length of a ``with`` block; tells whether it is the only one as it begins."""
        with self._lock:
            is_alone = not self._count
            self._count += 1
        try:
            yield is_alone
        finally:
            with self._lock:
                self._count -= 1


@dataclass(frozen=True, slots=True)
class Lone(Generic[S]):
    """How a row that is alone is computed.

    Attributes:
        sessions: One that uses all cores.
        occupancy: The engine's.
    """

    sessions: Pool[S]
    occupancy: Occupancy


class RowNetwork(Generic[S]):
    """A network whose engine takes one picture at a time.

    Args:
        spec: Input and outputs.
        sessions: What the engine computes with, lent to who runs a row: they bound how many rows are run at once.
        compute: Runs pixels ``(1, height, width, 3)`` in a session and returns the graph's outputs, which belong to
            the caller. A leading axis of length 1 is taken to be the batch's.
        workers: Whose idle threads help with further rows.
        lone: What computes on all cores, with how to know that nothing else is being computed: for a row that is alone.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        sessions: Pool[S],
        compute: Callable[[S, Image], RowOutputs],
        workers: Workers,
        lone: Lone[S] | None = None,
    ) -> None:
        self.spec = spec
        self._sessions = sessions
        self._compute = compute
        self._workers = workers
        self._lone = lone

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol."""
        rows: list[RowOutputs] = [[] for _ in range(len(batch))]

        def run_row(index: int) -> None:
            with self._pick(len(batch), ticket) as sessions, sessions.lend(ticket) as session:
                outputs = self._compute(session, batch[index : index + 1])
            rows[index] = [out.reshape(row_shape(out)) for out in outputs]

        self._workers.spread(len(batch), run_row, ticket)
        if len(rows) == 1:
            return tuple(out[np.newaxis] for out in rows[0])
        return tuple(np.stack(column) for column in zip(*rows, strict=True))

    @contextmanager
    def _pick(self, rows: int, ticket: Ticket) -> Iterator[Pool[S]]:
        """The sessions to compute a row of so many with."""
        if self._lone is None:
            yield self._sessions
            return
        with self._lone.occupancy.row() as is_alone:
            yield self._lone.sessions if is_alone and rows == 1 and ticket.is_hurried else self._sessions
