"""Age as a classifier sees it: so many classes, each of a year or of a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field, with_config

from vultus.attributes.rows import run_probabilities
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

_Years: TypeAlias = Annotated[float, Field(ge=0, le=150)]

SINGLE_YEARS: tuple[tuple[float, float], ...] = tuple((year, year) for year in range(81))
"""A class for each year from 0 to 80."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class AgeParameters:
    """What a catalogue entry says.

    Attributes:
        ages: First and last year of each class, in the order of the network's outputs.
        softmax: Whether they are logits.
    """

    ages: Annotated[tuple[tuple[_Years, _Years], ...], Field(min_length=2)] = SINGLE_YEARS
    softmax: bool = False


class AgeClasses:
    """``age``, float: expected years; ``age_range``: the most probable class.

    The expectation is that of the classes' middles. ``age_range`` is ``{"low": years, "high": years, "probability":
    p}``.

    Args:
        network: The network.
        crop: What it wants to see of a face.
        says: What its outputs are.
    """

    def __init__(self, network: Network, crop: CropSpec, says: AgeParameters | None = None) -> None:
        self.crop = crop
        self._network = network
        self._says = says or AgeParameters()

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        ages = self._says.ages
        rows = run_probabilities(self._network, crops, ticket, len(ages), softmax=self._says.softmax)
        middles = [(low + high) / 2 for low, high in ages]
        ranges = []
        for row in rows:
            best = int(row.argmax())
            low, high = ages[best]
            ranges.append({"low": low, "high": high, "probability": float(row[best])})
        return {"age": [float(row @ middles) for row in rows], "age_range": ranges}
