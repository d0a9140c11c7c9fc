"""The protocol every network is run through, whatever engine runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from numpy.typing import NDArray
from pydantic import TypeAdapter

from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, Image, InputSpec
from vultus.zoo.catalogue import Model, record

P = TypeVar("P")

Outputs: TypeAlias = tuple[NDArray[Any], ...]
"""One array per graph output, in the graph's order; axis 0 counts the rows of the batch."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What goes into a network and what comes out.

    Attributes:
        name: Catalogue name.
        input: Size and normalisation of the input.
        outputs: Names of the graph's outputs, in order.
    """

    name: str
    input: InputSpec
    outputs: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Parts:
    """What a family makes a detector, an embedder or an attribute of.

    Attributes:
        model: The catalogue entry.
        load: Loads a network by catalogue name, at a size ``(width, height)`` or, with ``None``, at its own.
        size: Of the detector's canvas, ``(width, height)``; ``None`` for what is no detector.
    """

    model: Model
    load: Callable[[str, tuple[int, int] | None], Network]
    size: tuple[int, int] | None = None

    @property
    def network(self) -> Network:
        """The entry's own network, at the size of the canvas."""
        return self.load(self.model.name, self.size)

    @property
    def companions(self) -> list[Network]:
        """The networks that the entry names as its companions, at their own sizes."""
        return [self.load(name, None) for name in self.model.companions]

    def parameters(self, kind: type[P]) -> P:
        """What the entry says for its family alone.

        Args:
            kind: A dataclass with a default for each parameter that may be left out.

        Raises:
            CatalogueError: A parameter is unknown or of the wrong form.
        """
        return record(TypeAdapter(kind), self.model.parameters, f"models.{self.model.name}.parameters")

    @property
    def crop(self) -> CropSpec:
        """What the network wants to see of a face; there is such a thing but for detectors."""
        assert self.model.crop  # the catalogue sees to it
        return self.model.crop


@dataclass(slots=True)
class Counts:
    """What a batcher has done so far; numbers only grow.

    Attributes:
        batches: Batches computed.
        rows: Rows in them that somebody wanted.
        padding: Rows in them that nobody did.
        dropped: Calls whose tickets were spent before their turn came.
        failures: Batches that failed.
        deaths: Times the dispatcher died and began anew.
    """

    batches: int = 0
    rows: int = 0
    padding: int = 0
    dropped: int = 0
    failures: int = 0
    deaths: int = 0


class Runtime(Protocol):
    """An inference engine: turns catalogue entries and files into networks.

    Attributes:
        name: ``openvino``, ``onnx``, ``triton`` or ``dummy``.
        device: The device it runs on, as the engine names it.
        needs_files: Whether ``load`` reads the network's file.
    """

    name: str
    device: str
    needs_files: bool

    @property
    def precision(self) -> str:
        """``f32``, ``tf32``, ``bf16``, ``fp16`` or ``int8``; ``auto`` as long as only a server knows."""
        ...

    @property
    def families(self) -> Collection[str] | None:
        """The only families it can run; ``None``: it runs any graph."""
        ...

    @property
    def counts(self) -> Counts | None:
        """What batching has done since the runtime was opened; ``None``: nothing is batched, or others count it.

        Of several processes that share a device one counts, so that their sum is right.
        """
        ...

    def close(self) -> None:
        """End what runs beside the callers' threads; networks can be run no more."""

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        """Make a network ready to run with an input as in ``spec`` (its size may differ from the catalogue's).

        Raises:
            IncompatibleGraph: The file cannot be read, or cannot take such an input.
        """
        ...
