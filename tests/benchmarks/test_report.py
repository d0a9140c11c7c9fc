"""Bars, figures and the table of results."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import machine, report
from benchmarks.report import Bar, Report, Row

pytestmark = pytest.mark.unit

REPORT = Report(
    "speed",
    "of a snail",
    [Row("length", 3, "cm"), Row("pace", 0.5, "mm/s", Bar(">=", 1)), Row("cosine", 0.99995, "", Bar(">=", 0.9999))],
    notes=["On lettuce."],
    detail={"garden": 1},
)


@pytest.mark.parametrize(
    ("bar", "value", "met"),
    [
        (Bar(">=", 0.8), 0.8, True),
        (Bar(">=", 0.8), 0.7999, False),
        (Bar("<=", 4), 4.0, True),
        (Bar("<=", 4), 4.001, False),
        (Bar("==", 46), 46, True),
        (Bar("==", 46), 45, False),
        (Bar(">=", 0.8), float("nan"), False),
        (Bar("<=", 4), float("nan"), False),
    ],
)
def test_bar(bar: Bar, value: float, met: bool) -> None:
    assert bar.met_by(value) is met


@pytest.mark.parametrize(
    ("value", "text"),
    [(117, "117"), (117.0, "117"), (0.99995, "0.99995000"), (12.3456, "12.35"), (1e-7, "1e-07"), (0.5, "0.5")],
)
def test_figure(value: float, text: str) -> None:
    assert report.figure(value) == text


def test_missed_are_the_rows_below_their_bar() -> None:
    assert [row.what for row in REPORT.missed] == ["pace"]


def test_json_holds_machine_and_versions_beside_the_figures(tmp_path: Path) -> None:
    report.save(REPORT, tmp_path / "below" / "speed.json", machine.describe())
    saved = json.loads((tmp_path / "below" / "speed.json").read_text())
    assert saved["rows"][1] == {"what": "pace", "value": 0.5, "unit": "mm/s", "bar": ">= 1", "met": False}
    assert saved["rows"][0]["met"] is None
    assert saved["machine"]["cores"] >= 1
    assert saved["versions"]["numpy"]
    assert saved["detail"] == {"garden": 1}


def test_table_is_made_from_the_saved_results_alone(tmp_path: Path) -> None:
    report.save(REPORT, tmp_path / "speed.json", machine.describe())
    lines = report.write_table(tmp_path).read_text().splitlines()
    assert "## speed: of a snail" in lines
    assert "| length | 3 cm |  |  |" in lines
    assert "| pace | 0.5 mm/s | >= 1 | **missed** |" in lines
    assert "| cosine | 0.99995000 | >= 0.9999 | met |" in lines
    assert "On lettuce." in lines


def test_show_prints_every_row_with_its_verdict() -> None:
    output = io.StringIO()
    report.show(REPORT, Console(file=output, width=100))
    text = output.getvalue()
    assert "missed" in text
    assert "0.5 mm/s" in text
    assert "On lettuce." in text
