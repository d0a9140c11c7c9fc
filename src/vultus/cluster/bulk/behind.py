"""Rows are written while the next pictures are looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self

from vultus.cluster.bulk.order import Order
from vultus.cluster.bulk.parts import PartFile
from vultus.cluster.bulk.schema import schema
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Part
from vultus.engine import FaceEngine

_BATCHES = 4  # that may wait to be written


class Behind:
    """Writes parts on a thread of its own. Use it in a ``with`` statement.

    Args:
        order: Where, and how.
        engine: Tells how long its embeddings are.
    """

    def __init__(self, order: Order, engine: FaceEngine) -> None:
        embedder = engine.model(order.profile.embedder or "")
        self.schema = schema(order.vectors, embedder.embedding_size or 0)
        self._folder = order.folder
        self._thread = ThreadPoolExecutor(1, "vultus-writer")
        self._waiting: deque[Future[None]] = deque()
        self._file: PartFile | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)
            if self._file is not None:
                self._file.discard()

    def write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        """Add rows to the part that is being written.

        Raises:
            OutputUnwritable: Something that was to be written before could not.
        """
        self._queue(partial(self._write, batch))

    def commit(self, part: Part, tally: Tally, *, is_last: bool) -> None:
        """End that part; raises as ``write`` does."""
        self._queue(partial(self._commit, part, tally, is_last))

    def _queue(self, job: Callable[[], None]) -> None:
        self._waiting.append(self._thread.submit(self._run, job))
        while len(self._waiting) > _BATCHES or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()

    def _run(self, job: Callable[[], None]) -> None:
        if self._error is not None:  # a part that lacks rows must not be committed
            raise self._error
        try:
            job()
        except BaseException as error:
            self._error = error
            raise

    def _write(self, batch: Any) -> None:  # noqa: ANN401
        self._file = self._file or PartFile(self._folder, self.schema)
        self._file.write(batch)

    def _commit(self, part: Part, tally: Tally, is_last: bool) -> None:
        self._file = self._file or PartFile(self._folder, self.schema)
        self._file.commit(part, tally, is_last=is_last)
        self._file = None
