"""Where results are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vultus.errors import OutputUnwritable


@contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Tell what the system refuses within a ``with`` block in the name of the place that is written to.

    Raises:
        OutputUnwritable: There was an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"{place} cannot be written: {error.strerror or error}") from error
