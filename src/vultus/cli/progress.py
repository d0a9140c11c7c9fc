"""A progress bar on standard error, where somebody is watching."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from vultus.cli.output import error_console

T = TypeVar("T")


def watched(work: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items of some work, as they come.

    Args:
        work: What is to be done.
        total: Number of items.
        what: What an item is called, in the plural.
    """
    console = error_console()
    bar = Progress(
        console=console,
        disable=total < 2 or not console.is_terminal,
        transient=True,
        # The bar captures standard output only where both are the same terminal; a file or pipe stays untouched.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        yield from bar.track(work, total, description=what)


def picture_bar(*, shown: bool) -> Progress:
    """A bar of pictures: how many of how many, how many a second, how long it will still take.

    Args:
        shown: Whether there is anything worth showing.
    """
    console = error_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=not shown or not console.is_terminal,
        transient=True,
        # The bar captures standard output only where both are the same terminal; a file or pipe stays untouched.
        redirect_stdout=sys.stdout.isatty(),
    )


class _Rate(ProgressColumn):
    """Pictures a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0.0:.1f}/s", style="progress.data.speed")
