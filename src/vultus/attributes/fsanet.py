"""Where a head is turned, as FSA-Net sees it (Yang et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vultus.attributes.pose5 import HeadPose
from vultus.attributes.rows import run_rows
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec


class FsaNet:
    """``pose``: pitch, yaw and roll in degrees by name, with the signs of ``HeadPose``.

    Each network answers yaw, pitch and roll, with yaw positive to the left of the picture; the answers of several are
    averaged.

    Args:
        networks: At least one network; all see the same crop.
        crop: What they want to see of a face.
    """

    def __init__(self, networks: Sequence[Network], crop: CropSpec) -> None:
        self.crop = crop
        self._networks = networks

    def read(self, crops: Crops, ticket: Ticket) -> dict[str, Sequence[object]]:
        """See ``Attribute``."""
        angles = np.mean([run_rows(network, crops, ticket, 3) for network in self._networks], axis=0)
        return {"pose": [HeadPose(pitch, -yaw, roll)._asdict() for yaw, pitch, roll in angles.tolist()]}
