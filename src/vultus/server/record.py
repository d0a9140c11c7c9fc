"""What becomes of the request that is being worked on, as far as the log and the traces tell it.

Whoever works for a request finds its record in the context: on the event loop, and on workers through its ticket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

from vultus.errors import VultusError
from vultus.types import Analysis

_CURRENT: ContextVar[Record | None] = ContextVar("vultus_request", default=None)


class Walked(NamedTuple):
    """When a picture went which way.

    Attributes:
        picture: Its place in the request.
        began: Unix time, in seconds.
        seconds: Time spent by stage, in the stages' order.
    """

    picture: int
    began: float
    seconds: Mapping[str, float]


@dataclass(slots=True)
class Record:
    """One request.

    Attributes:
        request_id: Its id.
        pictures: Pictures that were worked on, those that could not be used among them.
        faces: Faces found in them.
        walks: When they were worked on.
    """

    request_id: str
    pictures: int = 0
    faces: int = 0
    walks: list[Walked] = field(default_factory=list)

    def note(self, outcomes: Sequence[Analysis | VultusError], *, again: bool = False) -> None:
        """Note what became of the request's pictures; ``again``: of the same ones, so they are counted already."""
        seen = [(place, outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, Analysis)]
        self.walks += [Walked(place, analysis.began, analysis.seconds) for place, analysis in seen]
        if not again:
            self.pictures += len(outcomes)
            self.faces += sum(len(analysis.faces) for _, analysis in seen)


@contextmanager
def recorded(request_id: str) -> Iterator[Record]:
    """Makes a record the current one for the length of a ``with`` block."""
    record = Record(request_id)
    token = _CURRENT.set(record)
    try:
        yield record
    finally:
        _CURRENT.reset(token)


def current() -> Record | None:
    """The record of the request this work is for; ``None``: it is for none."""
    return _CURRENT.get()


def note(outcomes: Sequence[Analysis | VultusError], *, again: bool = False) -> None:
    """See ``Record.note``; of the current request, if there is one."""
    if record := current():
        record.note(outcomes, again=again)
