"""Gender and age in 202 numbers (InsightFace's ``genderage_v1`` of 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

YEARS = 100


class GenderAgeV1:
    """``gender``, int: 0 female, 1 male; ``age``, float: whole years, 0 to 100.

    Age is ordinal regression: of each of 100 pairs the second number wins where the face is taken to be older than so
    many years, and the pairs it wins are counted.

    Args:
        network: The network; it answers two gender logits, female first, then the pairs.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        output = run_rows(self._network, crops, ticket, 2 + 2 * YEARS)
        years = output[:, 2:].reshape(-1, YEARS, 2).argmax(axis=2).sum(axis=1)
        return {"gender": output[:, :2].argmax(axis=1).tolist(), "age": years.astype(float).tolist()}
