"""How far an index is: a bar where somebody is watching, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vultus.cli.output import error_console, print_note
from vultus.cli.progress import picture_bar

if TYPE_CHECKING:
    from vultus.cluster.bulk.sources import Survey
    from vultus.cluster.bulk.tally import Tally
    from vultus.cluster.bulk.units import Shard

EVERY = 30.0
"""Seconds between lines."""


class IndexProgress:
    """Shows how far it is, how fast it goes, and how long it will take. Use it in a ``with`` statement.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bar = picture_bar(shown=True)
        self._is_watched = error_console().is_terminal
        self._task = self._bar.add_task("listing", total=None)
        self._began = self._told = clock()
        self._pictures = self._before = self._archived = self._archive_bytes = 0
        self._known = self._all_archive_bytes = 0
        self._is_warm = False

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def total(self) -> int | None:
        """Pictures in all; ``None`` before an archive has been read to its end, from which others are guessed."""
        if not self._all_archive_bytes:
            return self._known
        if not self._archive_bytes:
            return None
        return self._known + round(self._archived * self._all_archive_bytes / self._archive_bytes)

    @property
    def said(self) -> str:
        """How much of it was done now, and how fast, if there was anything to do."""
        done, seconds = self._pictures - self._before, self._clock() - self._began
        return f"; {done:,} pictures in {seconds:.1f} s ({done / seconds:.1f} pictures/s)" if done else ""

    def begin(self, survey: Survey, shard: Shard, done: Tally) -> None:
        """See ``Watch``."""
        self._known = survey.pictures // shard.count
        self._all_archive_bytes = survey.archive_bytes
        self._archived, self._archive_bytes = done.archived, done.archive_bytes
        self._pictures = self._before = done.pictures
        self._began = self._told = self._clock()
        self._bar.reset(self._task, total=self.total, completed=self._pictures, description="pictures")

    def tell(self, done: Tally) -> None:
        """See ``Watch``."""
        if done.pictures and not self._is_warm:
            self._is_warm = True
            self._began = self._told = self._clock()
            self._before += done.pictures
        self._pictures += done.pictures
        self._archived += done.archived
        self._archive_bytes += done.archive_bytes
        self._bar.update(self._task, completed=self._pictures, total=self.total)
        if not self._is_watched and self._clock() - self._told >= EVERY:
            self._told = self._clock()
            print_note("note", self._line())

    def _line(self) -> str:
        done, seconds = self._pictures - self._before, self._clock() - self._began
        rate = done / seconds
        if self.total is None:
            return f"{self._pictures:,} pictures, {rate:.1f} pictures/s"
        left = max(0, self.total - self._pictures) / rate if rate else 0
        return f"{self._pictures:,} of {self.total:,} pictures, {rate:.1f} pictures/s, {_span(left)} left"


def _span(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
