"""Whether a face is there or only shown: classifiers of presentation attacks by prints and screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from vultus.attributes.rows import run_probabilities
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class LivenessParameters:
    """What a catalogue entry says.

    Attributes:
        classes: Number of the network's outputs, which are logits: one for real faces, the others for kinds of attack.
        real: Place of the one for real faces, from 0.
    """

    classes: Annotated[int, Field(ge=2)]
    real: Annotated[int, Field(ge=0)]

    def __post_init__(self) -> None:
        if self.real >= self.classes:
            raise ValueError("real: must be less than classes")


class Liveness:
    """``liveness``, ``{"real": p, "spoof": 1 - p}``: probabilities.

    Args:
        network: The network.
        crop: What it wants to see of a face.
        says: What its outputs are.
    """

    def __init__(self, network: Network, crop: CropSpec, says: LivenessParameters) -> None:
        self.crop = crop
        self._network = network
        self._says = says

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        rows = run_probabilities(self._network, crops, ticket, self._says.classes, softmax=True)
        return {"liveness": [{"real": real, "spoof": 1 - real} for real in rows[:, self._says.real].tolist()]}
