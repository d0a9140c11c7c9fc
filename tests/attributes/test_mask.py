from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vultus.attributes.mask import Mask
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("box", 224, 1.25)


def test_the_first_probability_is_that_of_a_mask(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    facts = Mask(parrot([[0.75, 0.25], [0.125, 0.875]], 224), CROP).read(black(2, 224), Ticket())
    assert facts == {"mask": [{"mask": 0.75, "no_mask": 0.25}, {"mask": 0.125, "no_mask": 0.875}]}


def test_a_network_with_a_third_class_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="3 values"):
        Mask(parrot([[0.5, 0.25, 0.25]], 224), CROP).read(black(1, 224), Ticket())
