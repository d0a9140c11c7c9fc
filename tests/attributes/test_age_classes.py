from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from vultus.attributes.age_classes import AgeClasses, AgeParameters
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("template", 64)


def test_single_years_are_averaged_by_their_probabilities(
    parrot: Callable[..., Any], black: Callable[..., Crops]
) -> None:
    rows = np.zeros((2, 81))
    rows[0, [20, 30]] = 0.25, 0.75
    rows[1, 80] = 1
    facts = AgeClasses(parrot(rows, 64), CROP).read(black(2, 64), Ticket())
    assert facts == {
        "age": [27.5, 80.0],
        "age_range": [
            {"low": 30, "high": 30, "probability": 0.75},
            {"low": 80, "high": 80, "probability": 1.0},
        ],
    }


def test_classes_of_several_years_as_compreface_has_them(
    parrot: Callable[..., Any], black: Callable[..., Crops]
) -> None:
    """Logits of the eight classes of its network 22801: the answer is the most probable class."""
    ages = ((0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
    probabilities = np.array([[1e-9, 1e-9, 1e-9, 1e-9, 0.5, 0.25, 0.25, 1e-9]])
    says = AgeParameters(ages, softmax=True)
    facts: Any = AgeClasses(parrot(np.log(probabilities) - 7, 64), CROP, says).read(black(1, 64), Ticket())
    assert facts["age"] == pytest.approx([0.5 * 28.5 + 0.25 * 40.5 + 0.25 * 50.5], abs=1e-3)
    assert facts["age_range"][0] == pytest.approx({"low": 25, "high": 32, "probability": 0.5}, abs=1e-5)


def test_another_number_of_classes_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="101 values"):
        AgeClasses(parrot(np.zeros((1, 101)), 64), CROP).read(black(1, 64), Ticket())


@pytest.mark.parametrize("ages", [[], [[0, 2]], [[0], [1]], [[0, 2], [-1, 4]], "many"])
def test_classes_without_ages_are_refused(ages: object) -> None:
    with pytest.raises(ValidationError, match="ages"):
        TypeAdapter(AgeParameters).validate_python({"ages": ages})
