"""The ticket that travels with every piece of work: until when it matters, and whether it still does."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from vultus.errors import Cancelled, DeadlineExceeded


class Ticket:
    """Deadline, cancellation and priority of one request's work.

    Every stage calls ``check`` before it spends anything, so that expired or abandoned work costs nothing more.

    Attributes:
        deadline: Moment on ``time.monotonic``'s clock after which the answer is worthless; ``None``: never.
        priority: Work with a lower number is taken first.
        is_hurried: Somebody waits for the answer, so that a row that is alone may use all cores.
        context: The context it was made in: copies of it tell the log on every thread whose work it is.
    """

    __slots__ = ("__weakref__", "_cancelled", "_hearers", "context", "deadline", "is_hurried", "priority")

    def __init__(self, deadline: float | None = None, priority: int = 0, *, is_hurried: bool = True) -> None:
        self.deadline = deadline
        self.priority = priority
        self.is_hurried = is_hurried
        self.context = contextvars.copy_context()
        self._cancelled = False
        self._hearers: set[Callable[[], None]] = set()

    @classmethod
    def within(cls, seconds: float | None, priority: int = 0) -> Self:
        """A ticket that expires ``seconds`` from now; ``None`` or 0: never."""
        return cls(time.monotonic() + seconds if seconds else None, priority)

    def cancel(self) -> None:
        """Give the work up: what has not begun will not begin."""
        self._cancelled = True
        for hear in tuple(self._hearers):
            hear()

    @contextmanager
    def heard_by(self, hear: Callable[[], None]) -> Iterator[None]:
        """Have ``hear`` called, on whichever thread it is, should the work be given up within a ``with`` block.

        It must not block, and is not called where the work had been given up before.
        """
        self._hearers.add(hear)
        try:
            yield
        finally:
            self._hearers.discard(hear)

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave the work up."""
        return self._cancelled

    def remaining(self) -> float | None:
        """Seconds left until the deadline (never negative), or ``None`` where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise where the work no longer matters.

        Raises:
            Cancelled: The caller gave it up.
            DeadlineExceeded: Its deadline has passed.
        """
        if self._cancelled:
            raise Cancelled("the request was given up by its caller")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineExceeded("the request was not done by its deadline; ask for less or raise request_timeout")
