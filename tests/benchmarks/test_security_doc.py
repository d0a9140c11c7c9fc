from __future__ import annotations

from typing import Any

import pytest

from benchmarks.pages import written
from benchmarks.performance_doc import read_results
from benchmarks.security_doc import BEGIN, END, PAGE, table

pytestmark = pytest.mark.unit

MACHINE = {"cpu": "a processor", "cores": 2, "system": "a system", "date": "a day"}


def results(**category: Any) -> dict[str, Any]:
    told = {"category": "bombs", "cases": 3, "answers": {"0": 1, "200": 4}, "slowest_seconds": 1.25}
    told |= {"peak_memory_mib": 700.4, **category}
    rows = [{"what": "crashes", "value": 0, "unit": "", "bar": "== 0", "met": True}]
    rows.append({"what": "slowest answer", "value": 2.5, "unit": "s", "bar": "<= 2", "met": False})
    return {"hostile": {"machine": MACHINE, "detail": {"categories": [told]}, "rows": rows, "notes": ["a note"]}}


def test_a_category_is_a_line() -> None:
    assert "| bombs | 3 | closed: 1, 200: 4 | 1.25 | 700 |" in list(table(results()))


def test_bars_are_told_met_or_missed() -> None:
    lines = list(table(results()))
    assert "| crashes | 0  | == 0 | met |" in lines
    assert "| slowest answer | 2.5 s | <= 2 | **missed** |" in lines
    assert lines[-1] == "a note"


def test_what_was_not_measured_is_not_told() -> None:
    assert list(table({})) == ["not measured: `make hostile` has to be run."]


def test_the_committed_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == written(text, BEGIN, END, table(read_results())), "run: python -m benchmarks.security_doc"
