"""How far a download is: a bar on a terminal, a line in the log elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

log = logging.getLogger(__name__)

Report: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes had so far and the bytes in all (``None``: not known)."""

ProgressDisplay: TypeAlias = Callable[[str], AbstractContextManager[Report]]
"""Shows one download, named by its argument, for as long as the context is open."""


@contextmanager
def show_progress(label: str) -> Iterator[Report]:
    """A bar on standard error if that is a terminal; otherwise one line in the log when it begins and when it ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        log.info("fetching %s", label)
        yield _ignore
        log.info("fetched %s", label)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _ignore(done: int, total: int | None) -> None:
    """Nobody is watching."""
