from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vultus.attributes.ssrnet import SsrNet
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("box", 64, 1.4)


def test_the_answer_is_the_age(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    assert SsrNet(parrot([[31.5], [64.25]], 64), CROP).read(black(2, 64), Ticket()) == {"age": [31.5, 64.25]}


def test_a_network_of_more_answers_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="2 values"):
        SsrNet(parrot([[31.5, 1]], 64), CROP).read(black(1, 64), Ticket())
