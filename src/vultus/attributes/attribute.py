"""What every attribute network can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from vultus.imaging.align import Crops
from vultus.runtime.network import Parts
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

DEMOGRAPHIC = frozenset({"age", "age_range", "gender", "gender_probability"})
"""Facts that sort people; what offers a service may have to be allowed to tell them."""


class Attribute(Protocol):
    """Reads one fact, or a few, off faces."""

    @property
    def crop(self) -> CropSpec:
        """What the network wants to see of a face."""
        ...

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """The facts, each with one value per crop.

        Args:
            crops: n >= 1 crops as in ``crop``, with the transforms they were cut by.
            ticket: Whose work it is.

        Raises:
            IncompatibleGraph: The network's answer does not fit its family.
        """
        ...


class AttributeFamily(NamedTuple):
    """How attribute networks of one family are made, and what they tell.

    Attributes:
        provides: Names of the facts, as they are asked for in a plan.
        make: Takes what the catalogue entry names.
    """

    provides: tuple[str, ...]
    make: Callable[[Parts], Attribute]
