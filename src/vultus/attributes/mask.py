"""Medical masks, as classifiers see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import ConfigDict, with_config

from vultus.attributes.rows import run_probabilities
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

Wearing: TypeAlias = Literal["mask", "no_mask", "incorrect"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class MaskParameters:
    """What a catalogue entry says.

    Attributes:
        classes: What the network's outputs stand for, in their order. CompreFace's networks know a third class, of
            masks that are worn incorrectly (``mask_weared_incorrect``).
        softmax: Whether they are logits.
    """

    classes: tuple[Wearing, ...] = ("mask", "no_mask")
    softmax: bool = False

    def __post_init__(self) -> None:
        if len(set(self.classes)) < len(self.classes) or not {"mask", "no_mask"} <= set(self.classes):
            raise ValueError("classes: mask and no_mask are needed, each once")


class Mask:
    """``mask``, such as ``{"mask": p, "no_mask": 1 - p}``: probabilities; ``incorrect`` where the network knows of it.

    From which probability on a mask is worn is the caller's choice.

    Args:
        network: The network.
        crop: What it wants to see of a face.
        says: What its outputs are.
    """

    def __init__(self, network: Network, crop: CropSpec, says: MaskParameters | None = None) -> None:
        self.crop = crop
        self._network = network
        self._says = says or MaskParameters()

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        classes = self._says.classes
        output = run_probabilities(self._network, crops, ticket, len(classes), softmax=self._says.softmax)
        return {"mask": [dict(zip(classes, row, strict=True)) for row in output.tolist()]}
