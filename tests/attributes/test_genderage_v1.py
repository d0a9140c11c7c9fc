"""Against the published reading of the network: two gender logits, then 100 two-way votes; the yeses are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vultus.attributes.genderage_v1 import GenderAgeV1
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("template", 112)


def test_age_is_the_number_of_pairs_whose_second_value_wins(
    parrot: Callable[..., Any], black: Callable[..., Crops]
) -> None:
    young, old = np.zeros(202), np.zeros(202)
    young[:2] = 0.4, -0.4
    young[2::2] = 1
    young[[3, 9, 201]] = 2  # three votes, not in a row
    old[:2] = -3, 4
    old[3::2] = 0.001
    facts = GenderAgeV1(parrot([young, old], 112), CROP).read(black(2, 112), Ticket())
    assert facts["gender"] == [0, 1]  # female, male
    assert facts["age"] == [3.0, 100.0]
    assert all(type(value) is float for value in facts["age"])


def test_a_vote_without_a_winner_is_not_counted(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    facts = GenderAgeV1(parrot([np.zeros(202)], 112), CROP).read(black(1, 112), Ticket())
    assert facts["age"] == [0.0]


def test_the_network_of_another_family_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="3 values"):
        GenderAgeV1(parrot([[0, 1, 0.3]], 112), CROP).read(black(1, 112), Ticket())
