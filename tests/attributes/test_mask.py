from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from vultus.attributes.mask import Mask, MaskParameters
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


def test_three_classes_in_the_order_the_entry_names(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    """CompreFace's order: without_mask, with_mask, mask_weared_incorrect."""
    says = MaskParameters(("no_mask", "mask", "incorrect"), softmax=True)
    logits = np.log([[0.125, 0.625, 0.25]]) + 3
    (said,) = Mask(parrot(logits, 224), CROP, says).read(black(1, 224), Ticket())["mask"]
    assert said == pytest.approx({"mask": 0.625, "no_mask": 0.125, "incorrect": 0.25})


@pytest.mark.parametrize("classes", [["mask"], ["mask", "mask", "no_mask"], ["mask", "no_mask", "helmet"]])
def test_classes_that_tell_no_mask_are_refused(classes: list[str]) -> None:
    with pytest.raises(ValidationError, match="classes"):
        TypeAdapter(MaskParameters).validate_python({"classes": classes})
