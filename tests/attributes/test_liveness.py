from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from vultus.attributes.liveness import Liveness, LivenessParameters
from vultus.imaging.align import Crops
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec

pytestmark = pytest.mark.unit

CROP = CropSpec("inside", 80, 2.7)


@pytest.mark.parametrize(
    ("real", "probabilities", "expected"),
    [(1, [0.125, 0.625, 0.25], 0.625), (0, [0.75, 0.25], 0.75), (0, [0.25, 0.75], 0.25)],
)
def test_attacks_are_one_whatever_their_kind(
    parrot: Callable[..., Any], black: Callable[..., Crops], real: int, probabilities: list[float], expected: float
) -> None:
    says = LivenessParameters(len(probabilities), real)
    logits = np.log([probabilities]) + 5
    (said,) = Liveness(parrot(logits, 80), CROP, says).read(black(1, 80), Ticket())["liveness"]
    assert said == pytest.approx({"real": expected, "spoof": 1 - expected})


def test_logits_far_apart_are_no_trouble(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    says = LivenessParameters(3, 1)
    facts = Liveness(parrot([[-1e4, 1e4, 0]], 80), CROP, says).read(black(1, 80), Ticket())
    assert facts == {"liveness": [{"real": 1.0, "spoof": 0.0}]}


@pytest.mark.parametrize("given", [{}, {"classes": 3}, {"classes": 3, "real": 3}, {"classes": 1, "real": 0}])
def test_an_entry_has_to_say_which_class_is_real(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LivenessParameters).validate_python(given)
