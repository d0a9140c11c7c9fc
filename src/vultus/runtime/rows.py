"""Running a batch row by row over the cores that are idle: what pays on a CPU (``docs/performance.md``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image

RowOutputs = list[NDArray[Any]]


def run_rows(run_row: Callable[[Image, Ticket], RowOutputs], batch: Image, workers: Workers, ticket: Ticket) -> Outputs:
    """Run ``run_row`` on every ``batch[i:i + 1]`` and stack what comes back.

    Args:
        run_row: Takes pixels ``(1, height, width, 3)``; returns the graph's outputs for them. A leading axis of
            length 1 is taken to be the batch's. It may be called from several threads at once.
        batch: ``(n, height, width, 3)``.
        workers: Whose idle threads help.
        ticket: Checked before each row.
    """
    rows: list[RowOutputs] = [[] for _ in range(len(batch))]

    def job(index: int) -> None:
        outputs = run_row(batch[index : index + 1], ticket)
        rows[index] = [out[0] if out.ndim > 1 and len(out) == 1 else out for out in outputs]

    workers.spread(len(batch), job, ticket)
    if len(rows) == 1:
        return tuple(out[np.newaxis] for out in rows[0])
    return tuple(np.stack(column) for column in zip(*rows, strict=True))
