"""Gender and age in three numbers (InsightFace's ``genderage`` of the buffalo packs)."""

from __future__ import annotations

from collections.abc import Sequence

from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


class GenderAge:
    """``gender``, int: 0 female, 1 male; ``age``, float: years, not bounded.

    Args:
        network: The network; it answers two gender logits, female first, and a hundredth of the age.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        output = run_rows(self._network, crops, ticket, 3)
        return {"gender": output[:, :2].argmax(axis=1).tolist(), "age": (output[:, 2] * 100).tolist()}
