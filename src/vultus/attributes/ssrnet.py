"""Age in one number (SSR-Net, Yang et al., IJCAI 2018)."""

from __future__ import annotations

from collections.abc import Sequence

from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


class SsrNet:
    """``age``, float: years, not bounded.

    Args:
        network: The network; it answers the age.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        return {"age": run_rows(self._network, crops, ticket, 1)[:, 0].tolist()}
