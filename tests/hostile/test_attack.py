"""A part of the hostile corpus against a real server: every picture and every endpoint occurs."""

from __future__ import annotations

import pytest

from benchmarks.hostile.run import run
from benchmarks.report import Report
from benchmarks.subject import Options

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def report() -> Report:
    return run(Options(quick=True))


def test_nothing_crashes_and_every_answer_is_documented(report: Report) -> None:
    faults = [fault for category in report.detail["categories"] for fault in category["faults"]]
    assert not faults
    values = {row.what: row.value for row in report.rows}
    assert values["crashes"] == values["answers of 500"] == 0


def test_memory_stays_within_what_the_settings_allow(report: Report) -> None:
    assert next(row for row in report.rows if row.what == "peak memory above idle").met


def test_the_sample_is_worth_the_name(report: Report) -> None:
    values = {row.what: row.value for row in report.rows}
    assert values["inputs"] > 700
    assert values["answers"] >= values["inputs"]
