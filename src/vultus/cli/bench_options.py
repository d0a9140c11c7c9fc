"""What the commands of ``vultus bench`` share: options, and pictures made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from vultus.errors import SettingsError

if TYPE_CHECKING:
    from vultus.bench.bound import Bound
    from vultus.bench.figures import Latency
    from vultus.bench.pictures import Case
    from vultus.engine import FaceEngine

_MOST_SIDE = 16_000
_MOST_FACES = 10_000

BOUND_SECONDS = 5.0
"""The bare networks are measured no longer than that, before and after what is compared with them."""

Faces: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--faces", metavar="N,...", help="Make pictures with so many faces; else given ones stay as they are."
    ),
]
Sizes: TypeAlias = Annotated[
    str, typer.Option("--size", metavar="WxH,...", help="Width and height of pictures that are made, pixels.")
]
Duration: TypeAlias = Annotated[
    float, typer.Option("--duration", min=0.1, max=86_400, metavar="SECONDS", help="How long each is measured.")
]
WarmUp: TypeAlias = Annotated[
    float, typer.Option("--warm-up", min=0, max=3600, metavar="SECONDS", help="Load before that does not count.")
]


def parse_numbers(option: str, text: str, most: float) -> list[float]:
    """Numbers above 0, comma-separated.

    Raises:
        SettingsError: One is none, or greater than ``most``.
    """
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = [0]
    if not all(0 < number <= most for number in numbers):
        raise SettingsError(f"{option}: {text!r}: write numbers above 0, at most {most:g}, with commas between them.")
    return numbers


def parse_counts(option: str, text: str, most: int = _MOST_FACES) -> list[int]:
    """Whole numbers from 1 on, comma-separated.

    Raises:
        SettingsError: One is none, or greater than ``most``.
    """
    numbers = parse_numbers(option, text, most)
    if any(number != int(number) for number in numbers):
        raise SettingsError(f"{option}: {text!r}: write whole numbers.")
    return list(map(int, numbers))


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """Widths and heights in pixels, like ``640x480,1920x1080``.

    Raises:
        SettingsError: One is none.
    """
    sizes = []
    for word in text.lower().split(","):
        sides = [int(side) if side.strip().isdecimal() else 0 for side in word.split("x")]
        if len(sides) != 2 or not all(1 <= side <= _MOST_SIDE for side in sides):
            raise SettingsError(f"size: {word!r} is no size; write it like 640x480, at most {_MOST_SIDE} a side.")
        sizes.append((sides[0], sides[1]))
    return sizes


def make_cases(
    paths: Sequence[Path], faces: str | None, sizes: str, engine: FaceEngine, default_faces: str
) -> list[Case]:
    """The pictures to measure with: the given ones, or ones made of their faces, or of the portrait's.

    Raises:
        VultusError: A picture cannot be used, or they cannot be made.
    """
    from vultus.bench import pictures

    if paths and faces is None:
        return [pictures.given_case(paths)]
    counts, shapes = parse_counts("faces", faces or default_faces), parse_sizes(sizes)
    cuts = pictures.cuts_of(paths, engine) if paths else pictures.own_cuts()
    return list(pictures.made_cases(cuts, counts, shapes))


def tell_bound(bound: Bound | None, threads: int) -> str:
    """The bound in words."""
    if bound is None:
        return "bare networks: not measured"
    square = "none (this detector takes one size)" if bound.square is None else f"{bound.square:.4g}"
    return (
        f"bare networks, {threads} threads: {bound.here:.4g} pictures/s at {', '.join(bound.canvases)}; "
        f"{square} at 640 x 640"
    )


def milliseconds(latency: Latency | None) -> tuple[str, str, str, str]:
    """The four figures of a latency for a table."""
    if latency is None:
        return "-", "-", "-", "-"
    return f"{latency.p50_ms:.4g}", f"{latency.p90_ms:.4g}", f"{latency.p99_ms:.4g}", f"{latency.max_ms:.4g}"


def share(value: float, of: float | None) -> str:
    """A ratio for a table."""
    return "-" if not of else f"{value / of:.3f}"
