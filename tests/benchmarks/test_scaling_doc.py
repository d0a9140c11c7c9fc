"""The committed page says what the committed results say, and its tables are the arithmetic they claim to be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.performance_doc import MISSING, MOSAIC, ONE_FACE, read_results
from benchmarks.scaling_doc import FIGURES, PAGE, measured, page, pictures, vectors

pytestmark = pytest.mark.unit


def http() -> dict[str, Any]:
    """One core: 100 ms for the picture with one face, 300 ms for that with three."""
    values = {
        f"{ONE_FACE}: throughput": 10.0,
        f"{MOSAIC}: throughput": 1 / 0.3,
        f"{MOSAIC}: faces": 3.0,
        f"{MOSAIC}: peak memory of the server": 300.0,
    }
    rows = [{"what": what, "value": value, "unit": "pictures/s"} for what, value in values.items()]
    return {"http": {"rows": rows, "machine": {"cpu": "a CPU", "cores": 1, "system": "Linux", "date": "2026-01-01"}}}


def test_the_committed_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, read_results()), "run: python -m benchmarks.scaling_doc"


def test_what_is_not_measured_is_said_to_be() -> None:
    assert sum(MISSING in line for line in measured({})) == len(FIGURES)
    assert list(pictures({})) == [f"{MISSING}: the benchmark `http` has to be run."]
    assert any(line.startswith("| server") and "| 10 pictures/s |" in line for line in measured(http()))


def test_cores_and_core_hours_of_a_days_pictures() -> None:
    line = next(line for line in pictures(http()) if line.startswith("| 1,000,000 |"))
    # 1e6 / 86400 = 11.57 a second; x 0.1 s / 0.7 = 1.65 cores, x 0.3 = 4.96, x 1.0 = 16.5; 1e5 core-seconds are 27.8 h.
    assert re.findall(r"[\d.,]+", line)[2:] == ["2", "5", "17", "27.8"]


def test_bytes_of_vectors() -> None:
    lines = list(vectors({}))
    assert "| embeddings, float32 | 2,048 | 2.0 GB | 205 GB | 2,048 GB |" in lines
    assert "| HNSW in memory, float32, M = 32 | 2,304 | 2.3 GB | 230 GB | 2,304 GB |" in lines
