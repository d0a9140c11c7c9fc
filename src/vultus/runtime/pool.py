"""A few things of one kind that many threads share: who comes when all are lent waits, no longer than its ticket."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from vultus.runtime.ticket import Ticket

T = TypeVar("T")


class Pool(Generic[T]):
    """Lends its items, the one that came back last first: its memory is the warmest.

    Args:
        items: What is lent.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._free: queue.LifoQueue[T] = queue.LifoQueue()
        for item in items:
            self._free.put(item)

    @contextmanager
    def lend(self, ticket: Ticket) -> Iterator[T]:
        """An item, for the length of a ``with`` block.

        Raises:
            DeadlineExceeded: None came back in time.
        """
        try:
            item = self._free.get(timeout=ticket.remaining())
        except queue.Empty:
            ticket.check()
            raise  # unreachable: the wait ends at the ticket's deadline
        try:
            yield item
        finally:
            self._free.put(item)
