"""One process's share: pictures are read ahead, looked at on all cores, and written behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from vultus.cluster.bulk.ahead import Ahead
from vultus.cluster.bulk.behind import Behind
from vultus.cluster.bulk.order import Order
from vultus.cluster.bulk.reading import Job, Reader
from vultus.cluster.bulk.schema import ROWS, Rows
from vultus.cluster.bulk.sources import Archive
from vultus.cluster.bulk.stores import Stores
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Part, Unit
from vultus.engine import FaceEngine
from vultus.errors import OutOfMemory, PictureError
from vultus.memory import without_frames
from vultus.types import Analysis

Tell: TypeAlias = Callable[[Tally], None]
"""Is told what has been done since it was last told."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a part: all its pictures have gone before.

    Attributes:
        part: Which.
        is_last: Whether its unit ends too.
        archive: Of an archive that ends here, what it came to.
    """

    part: Part
    is_last: bool = False
    archive: Tally = field(default_factory=Tally)


_Pending: TypeAlias = tuple[str, Future[Future[Analysis]]] | End


def index(order: Order, engine: FaceEngine, units: Iterable[Unit], tell: Tell) -> None:
    """Write the parts of some units.

    Args:
        order: How.
        engine: A warm engine.
        units: Taken one by one, so that they may still come while others are worked on.
        tell: Told of each picture.

    Raises:
        VultusError: Something that no picture is to blame for. Parts that were committed stay.
    """
    with (
        Reader(order.settings, Stores()) as reader,
        Ahead(order, engine) as ahead,
        Behind(order, engine) as behind,
    ):
        _Line(ahead, behind, tell).run(steps(units, reader, order))


def steps(units: Iterable[Unit], reader: Reader, order: Order) -> Iterator[Job | End]:
    """What is to be done for some units, in order: the pictures of a part, then its end."""
    for unit in units:
        if isinstance(unit.content, Archive):
            is_done = partial(_is_done, unit, order.part_size)
            jobs: Iterator[Job | None] = reader.unpack(unit.content, order.shard, is_done)
        else:
            jobs = reader.jobs(unit.content)
        yield from _cut(unit, jobs, order.part_size)


def _is_done(unit: Unit, size: int, number: int) -> bool:
    return number // size in unit.done


def _cut(unit: Unit, jobs: Iterator[Job | None], size: int) -> Iterator[Job | End]:
    """Put an end after each part's pictures; parts that are there already have neither."""
    chunk = number = 0
    for job in jobs:
        if number == size:
            if chunk not in unit.done:
                yield End(Part(unit.number, chunk))
            chunk, number = chunk + 1, 0
        number += 1
        if job is not None:
            yield job
    if chunk not in unit.done:
        archive = Tally()
        if isinstance(unit.content, Archive):
            archive = Tally(archived=chunk * size + number, archive_bytes=unit.content.size)
        yield End(Part(unit.number, chunk), is_last=True, archive=archive)


class _Line:
    """What connects them: results are taken in the order of the listing, so that parts are always the same."""

    def __init__(self, ahead: Ahead, behind: Behind, tell: Tell) -> None:
        self._ahead = ahead
        self._behind = behind
        self._tell = tell
        self._rows = Rows(behind.schema)
        self._part = Tally()

    def run(self, steps: Iterator[Job | End]) -> None:
        pending: deque[_Pending] = deque()
        for step in steps:
            pending.append(step if isinstance(step, End) else (step.id, self._ahead.begin(step)))
            while len(pending) > self._ahead.window:
                self._finish(pending.popleft())
        while pending:
            self._finish(pending.popleft())

    def _finish(self, step: _Pending) -> None:
        if isinstance(step, End):
            self._end(step)
            return
        picture, future = step
        done = Tally(pictures=1)
        try:
            analysis = future.result().result()
        except (PictureError, OutOfMemory) as error:  # anything else would befall the others too
            self._rows.fail(picture, without_frames(error))
            done.errors[error.code] += 1
        else:
            self._rows.add(picture, analysis)
            done.faces, done.empty = len(analysis.faces), int(not analysis.faces)
        self._add(done)
        if len(self._rows) >= ROWS:
            self._behind.write(self._rows.take())

    def _end(self, end: End) -> None:
        if len(self._rows):
            self._behind.write(self._rows.take())
        self._add(end.archive)
        self._behind.commit(end.part, self._part, is_last=end.is_last)
        self._part = Tally()

    def _add(self, done: Tally) -> None:
        self._part += done
        self._tell(done)
