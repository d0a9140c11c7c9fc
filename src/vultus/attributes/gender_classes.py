"""Gender as a classifier of two classes sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, with_config

from vultus.attributes.rows import run_probabilities
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class GenderParameters:
    """What a catalogue entry says.

    Attributes:
        first: What the network's first output stands for; the second is the other.
        softmax: Whether they are logits.
    """

    first: Literal["female", "male"] = "female"
    softmax: bool = False


class GenderClasses:
    """``gender``, int: 0 female, 1 male; ``gender_probability``, float: how sure the network is of that, 0.5 to 1.

    Args:
        network: The network.
        crop: What it wants to see of a face.
        says: What its outputs are.
    """

    def __init__(self, network: Network, crop: CropSpec, says: GenderParameters | None = None) -> None:
        self.crop = crop
        self._network = network
        self._says = says or GenderParameters()

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        rows = run_probabilities(self._network, crops, ticket, 2, softmax=self._says.softmax)
        if self._says.first == "male":
            rows = rows[:, ::-1]
        return {"gender": rows.argmax(axis=1).tolist(), "gender_probability": rows.max(axis=1).tolist()}
