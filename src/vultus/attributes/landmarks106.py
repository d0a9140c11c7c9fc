"""106 landmarks (InsightFace's ``2d106det``, from its ``alignment/coordinate_reg``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops, to_picture
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

COUNT = 106


class Landmarks106:
    """Contours of face, brows, eyes, nose and mouth as 106 points, float32 ``(106, 2)`` in picture pixels.

    Args:
        network: The network; it answers 212 values a crop, -1 to 1 over the crop's sides.
        crop: What it wants to see of a face.
    """

    def __init__(self, network: Network, crop: CropSpec) -> None:
        self.crop = crop
        self._network = network

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        output = run_rows(self._network, crops, ticket, 2 * COUNT)
        in_crop = (output.reshape(-1, COUNT, 2) + 1) * (self.crop.size / 2)
        return {"landmarks106": list(to_picture(in_crop.astype(np.float32), crops.matrices))}
