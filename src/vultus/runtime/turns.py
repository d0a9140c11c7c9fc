"""Who is next: the rows that wait for a network, taken in turns so that nobody's many hold up another's few."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vultus.errors import VultusError
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image


class Job:
    """The rows of one call, until each is computed.

    Args:
        batch: RGB uint8 ``(n, height, width, 3)``.
        ticket: Whose they are.
        answer: Told ``None`` when all rows are computed, or an error; once, and it must not block.

    Attributes:
        given: Rows handed out so far: always the first ones.
        over: The caller has been answered, or has given up: what is left must cost nothing more.
    """

    __slots__ = ("_missing", "_parts", "answer", "batch", "given", "over", "ticket")

    def __init__(self, batch: Image, ticket: Ticket, answer: Callable[[VultusError | None], None]) -> None:
        self.batch = batch
        self.ticket = ticket
        self.answer = answer
        self.given = 0
        self.over = False
        self._missing = len(batch)
        self._parts: list[tuple[int, Outputs]] = []

    def add(self, start: int, outputs: Outputs) -> bool:
        """Note what the rows from ``start`` on came to; returns whether the job is thereby over."""
        self._parts.append((start, outputs))
        self._missing -= len(outputs[0])
        self.over = not self._missing
        return self.over

    def outputs(self) -> Outputs:
        """What all rows came to, in arrays of the caller's own; call it once ``over``."""
        if len(self._parts) == 1:
            return tuple(output.copy() for output in self._parts[0][1])
        columns = zip(*(outputs for _, outputs in sorted(self._parts, key=lambda part: part[0])), strict=True)
        return tuple(np.concatenate(column) for column in columns)

    def write_to(self, arrays: Outputs) -> None:
        """Copy what all rows came to into arrays of the same shapes; call it once ``over``.

        Raises:
            ValueError: A shape or type is another.
        """
        for start, outputs in self._parts:
            for array, output in zip(arrays, outputs, strict=True):
                if output.shape[1:] != array.shape[1:] or output.dtype != array.dtype:
                    raise ValueError(f"{output.dtype} {output.shape[1:]} instead of {array.dtype} {array.shape[1:]}")
                array[start : start + len(output)] = output


class Share(NamedTuple):
    """Consecutive rows of a job: ``job.batch[start:stop]``."""

    job: Job
    start: int
    stop: int

    @property
    def rows(self) -> Image:
        """Their pixels."""
        return self.job.batch[self.start : self.stop]

    def singly(self) -> Iterator[Share]:
        """The same rows as shares of one each."""
        return (Share(self.job, row, row + 1) for row in range(self.start, self.stop))


class Turns:
    """Jobs that wait. Not safe to use from several threads at once: its owner holds a lock."""

    def __init__(self) -> None:
        self.rows = 0
        self._waiting: dict[int, dict[Ticket, deque[Job]]] = {}  # by priority; the ticket whose turn is next first

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def priority(self) -> int:
        """The lowest number among those that wait: what is taken first. Something waits."""
        return min(self._waiting)

    def add(self, job: Job) -> None:
        """Queue a job behind those of its ticket, and a new ticket behind the others of its priority."""
        self._waiting.setdefault(job.ticket.priority, {}).setdefault(job.ticket, deque()).append(job)
        self.rows += len(job.batch)

    def discard(self, job: Job) -> None:
        """Take a job out, if it is still there."""
        tickets = self._waiting.get(job.ticket.priority, {})
        jobs = tickets.get(job.ticket, deque())
        if job in jobs:
            jobs.remove(job)
            self.rows -= len(job.batch) - job.given
            if not jobs:
                del tickets[job.ticket]
            if not tickets:
                del self._waiting[job.ticket.priority]

    def clear(self) -> list[Job]:
        """Take out everything."""
        jobs = [job for tickets in self._waiting.values() for jobs in tickets.values() for job in jobs]
        self._waiting.clear()
        self.rows = 0
        return jobs

    def take(self, room: int) -> tuple[list[Share], list[tuple[Job, VultusError]]]:
        """Take up to ``room`` rows: by priority, of equal ones a row of each ticket in turn.

        Returns:
            What was taken, at most one share a job, and the jobs that were dropped, since their tickets are spent.
        """
        taken: dict[Job, int] = {}
        dropped: list[tuple[Job, VultusError]] = []
        while room and self._waiting:
            tickets = self._waiting[self.priority]
            while room and tickets:
                ticket = next(iter(tickets))
                jobs = tickets.pop(ticket)
                try:
                    ticket.check()
                except VultusError as error:
                    dropped += [(job, type(error)(error.message)) for job in jobs]  # several callers raise them
                    self.rows -= sum(len(job.batch) - job.given for job in jobs)
                    continue
                job = jobs[0]
                taken.setdefault(job, job.given)
                job.given += 1
                self.rows -= 1
                room -= 1
                if job.given == len(job.batch):
                    jobs.popleft()
                if jobs:
                    tickets[ticket] = jobs  # at the end: others first
            if not tickets:
                del self._waiting[self.priority]
        return [Share(job, start, job.given) for job, start in taken.items()], dropped


class Pace:
    """Which of the few sizes a batch should have: the one that gets most rows a second done.

    A size never run is only chosen where it is the least that holds all that wait.

    Args:
        sizes: Ascending.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self._seconds: dict[int, float] = {}

    def fitting(self, rows: int) -> int:
        """The least size that holds so many rows; the greatest where none does."""
        return next((size for size in self.sizes if size >= rows), self.sizes[-1])

    def choose(self, waiting: int) -> int:
        """The size of the next batch while so many rows wait: padded up, or smaller with some left for the next."""
        fitting = self.fitting(waiting)
        if fitting not in self._seconds:
            return fitting
        known = [size for size in reversed(self.sizes) if size <= fitting and size in self._seconds]
        return max(known, key=lambda size: min(size, waiting) / self._seconds[size])

    def note(self, size: int, seconds: float) -> None:
        """A batch of this size took so long. The least counts: the machine around the device only ever adds."""
        self._seconds[size] = min(seconds, self._seconds.get(size, seconds))
