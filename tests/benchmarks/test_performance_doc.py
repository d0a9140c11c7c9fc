"""The committed page says what the committed results say, and the sizing is the arithmetic it claims to be."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.performance_doc import (
    FIGURES,
    MISSING,
    MOSAIC,
    ONE_FACE,
    PAGE,
    SECTIONS,
    cores_needed,
    cost_of,
    figures,
    marks,
    page,
    read_results,
    sizing,
)

pytestmark = pytest.mark.unit


def http(**values: float) -> dict[str, Any]:
    """A result of the benchmark http: 4 cores, 40 pictures/s with one face and 2 with eleven."""
    usual = {
        f"{ONE_FACE}: throughput": 40.0,
        f"{MOSAIC}: throughput": 2.0,
        f"{MOSAIC}: faces": 11.0,
        f"{MOSAIC}: peak memory of the server": 300.0,
    }
    rows = [{"what": what, "value": value, "unit": ""} for what, value in (usual | values).items()]
    machine = {"cpu": "a CPU", "cores": 4, "system": "Linux", "date": "2026-01-01"}
    return {"http": {"rows": rows, "machine": machine}}


def test_the_committed_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, read_results()), "run: python -m benchmarks.performance_doc"


def test_each_figure_has_a_line_and_what_is_missing_is_said_to_be() -> None:
    lines = list(figures({}))
    assert sum(MISSING in line for line in lines) == len(FIGURES)
    assert f"| {FIGURES[0][0]} | 40 | `http` |" in list(figures(http()))


def test_cost_is_the_line_through_two_measurements() -> None:
    cost = cost_of(http())
    assert cost is not None
    # 4 cores / 40 a second = 0.1 core-seconds; 4 / 2 = 2 for eleven faces, so 1.9 for ten more.
    assert [cost.of(1), cost.of(11)] == pytest.approx([0.1, 2.0])
    assert cost.more == pytest.approx(0.19)


@pytest.mark.parametrize(("rate", "faces", "cores"), [(7, 1, 1), (7.1, 1, 2), (70, 1, 10), (7, 11, 20), (0.1, 1, 1)])
def test_cores_at_seventy_percent(rate: float, faces: int, cores: int) -> None:
    cost = cost_of(http())
    assert cost is not None
    assert cores_needed(cost, rate, faces) == pytest.approx(cores, abs=0)


def test_nothing_is_computed_from_nothing() -> None:
    assert cost_of({}) is None
    assert list(sizing({})) == [f"{MISSING}: the benchmark `http` has to be run."]


def test_arithmetic_is_called_arithmetic() -> None:
    text = "\n".join(sizing(http()))
    assert "Arithmetic, not a measurement" in text
    assert f"With `precision = bf16`: {MISSING}" in text
    faster = "\n".join(sizing(http(**{f"{ONE_FACE}, bf16: throughput": 60.0})))
    assert "With `precision = bf16`: 1.50 times" in faster


def test_only_what_is_between_the_marks_is_written() -> None:
    text = "top\n" + "\n".join(f"{begin}\nold\n{end}" for begin, end in map(marks, SECTIONS)) + "\nbottom\n"
    written = page(text, {})
    assert written.startswith("top\n")
    assert written.endswith("\nbottom\n")
    assert "old" not in written
    assert page(written, {}) == written
    with pytest.raises(ValueError, match="needs the lines"):
        page("top", {})
