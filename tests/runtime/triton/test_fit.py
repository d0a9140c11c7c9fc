from __future__ import annotations

from dataclasses import replace

import pytest
from tests.runtime.triton.conftest import SHA
from tests.runtime.triton.stub import DESCRIBED

from vultus.errors import HashMismatch, IncompatibleGraph, PrecisionUnavailable
from vultus.runtime.triton.fit import check_fit, precision_of, rows_of, warn_of_doubt
from vultus.runtime.triton.protocol import Described
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit

OTHER = {"sha256": "b" * 64, "precision": "f32"}


@pytest.mark.parametrize("shape", [(-1, 2, 2, 3), (1, 2, 2, 3), (2, 2, 3)])
def test_pixels_with_or_without_an_axis_of_rows_fit(probe: Model, shape: tuple[int, ...]) -> None:
    check_fit("probe", probe, probe.input, replace(DESCRIBED, shape=shape), "f32")


@pytest.mark.parametrize(
    "described",
    [
        replace(DESCRIBED, dtype="FP32"),
        replace(DESCRIBED, shape=(-1, 3, 2, 2)),
        replace(DESCRIBED, shape=(-1, 2, 4, 3)),
        replace(DESCRIBED, shape=(4, 2, 2, 3)),
        replace(DESCRIBED, shape=(-1, -1, 2, 2, 3)),
        replace(DESCRIBED, inputs=2),
    ],
)
def test_what_takes_something_else_is_refused_with_the_way_out(probe: Model, described: Described) -> None:
    with pytest.raises(IncompatibleGraph, match=r"UINT8 \[2, 2, 3\].*vultus triton export"):
        check_fit("probe", probe, probe.input, described, "f32")


def test_the_size_is_that_of_the_canvas_and_not_the_catalogues(probe: Model) -> None:
    with pytest.raises(IncompatibleGraph):
        check_fit("probe", probe, InputSpec(4, 2), DESCRIBED, "f32")
    check_fit("probe", probe, InputSpec(4, 2), replace(DESCRIBED, shape=(-1, 2, 4, 3)), "f32")


def test_other_weights_are_refused(probe: Model) -> None:
    with pytest.raises(HashMismatch, match=f"sha256 {'b' * 12} instead of {'a' * 12}") as caught:
        check_fit("probe", probe, probe.input, replace(DESCRIBED, parameters=OTHER), "f32")
    assert caught.value.code == "model_hash_mismatch"
    upper = replace(DESCRIBED, parameters={"sha256": SHA.upper()})
    check_fit("probe", probe, probe.input, upper, "f32")


def test_weights_that_nobody_can_check_are_taken_and_the_log_says_so(
    probe: Model, caplog: pytest.LogCaptureFixture
) -> None:
    silent = replace(DESCRIBED, parameters={})
    check_fit("probe", probe, probe.input, silent, "f32")
    warn_of_doubt("probe", probe, DESCRIBED)
    assert not caplog.records
    warn_of_doubt("probe", probe, silent)
    assert "cannot be checked" in caplog.text


def test_another_precision_is_refused_unless_any_will_do(probe: Model) -> None:
    halved = replace(DESCRIBED, parameters={"sha256": SHA, "precision": "fp16"})
    with pytest.raises(PrecisionUnavailable, match="set precision to fp16 or auto"):
        check_fit("probe", probe, probe.input, halved, "f32")
    check_fit("probe", probe, probe.input, halved, "fp16")
    check_fit("probe", probe, probe.input, halved, "auto")
    assert (precision_of(halved), precision_of(replace(DESCRIBED, parameters={}))) == ("fp16", None)


@pytest.mark.parametrize(
    ("shape", "said", "rows"),
    [
        ((-1, 2, 2, 3), 64, 8),
        ((-1, 2, 2, 3), 4, 4),
        ((-1, 2, 2, 3), None, 8),
        ((1, 2, 2, 3), None, 1),
        ((2, 2, 3), None, 1),
    ],
)
def test_a_request_has_as_many_rows_as_the_model_takes_but_no_more_than_eight(
    shape: tuple[int, ...], said: int | None, rows: int
) -> None:
    assert rows_of(replace(DESCRIBED, shape=shape, rows=said)) == rows
