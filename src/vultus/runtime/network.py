"""The protocol every network is run through, whatever engine runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

Outputs: TypeAlias = tuple[NDArray[Any], ...]
"""One array per graph output, in the graph's order; axis 0 counts the rows of the batch."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a graph; a free axis has the size ``None``."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What goes into a network and what comes out."""

    name: str
    input: InputSpec
    outputs: tuple[OutputSpec, ...]


class Network(Protocol):
    """A network that can be run. Safe to use from many threads at once."""

    @property
    def spec(self) -> NetworkSpec:
        """Input and outputs of the network."""
        ...

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """Run the network on RGB uint8 pixels ``(n, height, width, 3)``, n >= 1.

        Returns:
            One array per graph output whose axis 0 has length n. The arrays belong to the caller.

        Raises:
            Cancelled, DeadlineExceeded: The ticket is spent.
        """
        ...

    def close(self) -> None:
        """Free what the network holds; it cannot be run afterwards."""
        ...
