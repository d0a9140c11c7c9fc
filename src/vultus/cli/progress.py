"""A progress bar on standard error, where somebody is watching."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import Progress

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
