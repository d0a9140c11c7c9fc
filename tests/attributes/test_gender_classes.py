from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vultus.attributes.gender_classes import GenderClasses, GenderParameters
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("template", 32)


def test_female_comes_first(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    facts = GenderClasses(parrot([[0.75, 0.25], [0.125, 0.875]], 32), CROP).read(black(2, 32), Ticket())
    assert facts == {"gender": [0, 1], "gender_probability": [0.75, 0.875]}


def test_male_may_come_first_and_answers_be_logits(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    """As CompreFace's 21936 has it."""
    logits = np.log([[0.75, 0.25], [0.125, 0.875]]) + 2
    says = GenderParameters(first="male", softmax=True)
    facts = GenderClasses(parrot(logits, 32), CROP, says).read(black(2, 32), Ticket())
    assert facts["gender"] == [1, 0]
    assert facts["gender_probability"] == pytest.approx([0.75, 0.875])
