from __future__ import annotations

import numpy as np
import pytest

from vultus.attributes.landmarks106 import Landmarks106
from vultus.imaging.align import Crops, box_transforms
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, Image, InputSpec

pytestmark = pytest.mark.unit


class Corners:
    """Puts the first point at the crop's top left corner, the second at the bottom right, the rest in the middle."""

    spec = NetworkSpec("corners", InputSpec(192, 192), ("fc1",))

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        points = np.zeros((len(batch), 106, 2), np.float32)
        points[:, 0], points[:, 1] = -1, 1
        return (points.reshape(len(batch), 212),)


def test_points_come_back_in_picture_pixels() -> None:
    boxes = np.array([[100, 50, 140, 110], [0, 0, 20, 20]], np.float32)
    crops = Crops(np.zeros((2, 192, 192, 3), np.uint8), box_transforms(boxes, 1.5, 192))
    facts = Landmarks106(Corners(), CropSpec("box", 192, 1.5)).read(crops, Ticket())
    first, second = (np.asarray(points) for points in facts["landmarks106"])
    assert first.shape == (106, 2)
    assert first.dtype == np.float32
    # The square around (120, 80) is 90 wide, the one around (10, 10) 30.
    np.testing.assert_allclose(first[:3], [[75, 35], [165, 125], [120, 80]], rtol=1e-5)
    np.testing.assert_allclose(second[:3], [[-5, -5], [25, 25], [10, 10]], rtol=1e-5, atol=1e-5)
