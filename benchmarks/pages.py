"""Documents of which parts are written by programs."""

from __future__ import annotations

from collections.abc import Iterable


def written(text: str, begin: str, end: str, lines: Iterable[str]) -> str:
    """The document with what stands between two of its lines written anew.

    Raises:
        ValueError: One of the lines is missing.
    """
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page needs the lines {begin!r} and {end!r}")
    return "\n".join((f"{before}{begin}", "", *lines, "", f"{end}{after}"))
