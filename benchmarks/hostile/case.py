"""What the corpus is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from benchmarks.hostile import samples

FINE = frozenset({"fine"})
CORRUPT = frozenset({"picture_corrupt"})
UNSUPPORTED = frozenset({"picture_format_unsupported"})
TOO_LARGE = frozenset({"picture_pixels_exceeded"})
NO_PICTURE = CORRUPT | UNSUPPORTED | {"picture_empty"}
ANY = FINE | NO_PICTURE
"""For damage that touches no pixel, or may not: a picture or a clear refusal."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        name: Unique.
        category: Under which results are told.
        make: Its bytes, the same each time.
        expect: ``fine``, or codes of ``vultus.errors``: any of them is right.
        is_heavy: Whether it may take much memory or time, as it is large once decoded.
    """

    name: str
    category: str
    make: Callable[[], bytes]
    expect: frozenset[str]
    is_heavy: bool = False


Cuts: TypeAlias = Iterable[tuple[str, int]]
"""Places in a file, and how many bytes stand before them."""


def truncations(
    kind: str, data: bytes, cuts: Cuts, *, harmless: Sequence[str] = (), expect: frozenset[str] = NO_PICTURE
) -> Iterator[Picture]:
    """The file cut off at each place; behind those that are ``harmless`` no pixel is missing."""
    seen = set()
    for place, length in cuts:
        if 0 <= length < len(data) and length not in seen:
            seen.add(length)
            is_harmless = place.startswith(tuple(harmless)) if harmless else False
            yield Picture(
                f"{kind} cut {place}",
                f"truncated {kind.split()[0]}",
                lambda length=length: data[:length],  # type: ignore[misc]
                expect | FINE if is_harmless else expect,
            )


def turned(kind: str) -> Iterator[Picture]:
    """The same picture with each orientation that EXIF knows, and two it does not."""
    for orientation in range(10):
        made = partial(samples.saved, kind, exif=samples.exif(orientation))
        yield Picture(f"{kind} orientation {orientation}", "orientation", made, FINE)


def replaced(data: bytes, place: int, new: bytes) -> bytes:
    """The same bytes but for some."""
    return data[:place] + new + data[place + len(new) :]
