"""Medical masks, as classifiers with the two outputs *mask* and *no mask* see them."""

from __future__ import annotations

from collections.abc import Sequence

from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


class Mask:
    """``mask``, ``{"mask": p, "no_mask": 1 - p}``: probabilities. From which one a mask is worn is the caller's choice.

    Args:
        network: The network; it answers the two probabilities, that of a mask first.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        output = run_rows(self._network, crops, ticket, 2)
        return {"mask": [{"mask": with_mask, "no_mask": without} for with_mask, without in output.tolist()]}
