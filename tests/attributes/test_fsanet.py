"""The order of the outputs is that of the network's project; its signs are shown in ``tests/parity``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vultus.attributes.fsanet import FsaNet
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("box", 64, 1.5)


def test_yaw_comes_first_and_turns_the_other_way(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    facts = FsaNet([parrot([[10, -20, 30]], 64)], CROP).read(black(1, 64), Ticket())
    assert facts == {"pose": [{"pitch": -20, "yaw": -10, "roll": 30}]}


def test_several_networks_are_averaged(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    networks = [parrot([[10, -20, 30], [0, 0, 0]], 64), parrot([[20, -10, 0], [8, 4, 2]], 64)]
    facts = FsaNet(networks, CROP).read(black(2, 64), Ticket())
    assert facts == {"pose": [{"pitch": -15, "yaw": -15, "roll": 15}, {"pitch": 2, "yaw": -4, "roll": 1}]}
