"""All hostile pictures."""

from __future__ import annotations

from benchmarks.hostile import foreign, gifs, jpegs, others, pngs, tiffs
from benchmarks.hostile.case import Picture


def pictures() -> list[Picture]:
    """The corpus of pictures, in a fixed order."""
    return [picture for module in (jpegs, pngs, gifs, tiffs, others, foreign) for picture in module.pictures()]
