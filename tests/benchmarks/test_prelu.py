from __future__ import annotations

from pathlib import Path

import onnxruntime as ort
import pytest

from benchmarks import places, prelu
from benchmarks.subject import Options


@pytest.mark.integration
@pytest.mark.parametrize(("version", "habit"), [("1.26.0", "does not rewrite"), ("1.27.0", "rewrites")])
def test_it_tells_both_times_and_what_the_engine_does(
    shared_models: Path, monkeypatch: pytest.MonkeyPatch, version: str, habit: str
) -> None:
    monkeypatch.setattr(places, "models", lambda: (shared_models,))
    monkeypatch.setattr(ort, "__version__", version)
    report = prelu.run(Options(quick=True))
    rows = {row.what: row.value for row in report.rows}
    assert min(rows["as published"], rows["rewritten"], rows["rewritten: times as fast"]) > 0
    assert rows["largest difference of an answer"] < 1e-5
    assert habit in report.notes[0]
    assert version in report.title
