from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import graphs, places
from benchmarks.subject import NETWORKS, Options


@pytest.mark.integration
def test_every_form_of_a_network_is_timed_and_answers_the_same(
    shared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "models", lambda: (shared_models,))
    rows = {row.what: row.value for row in graphs.run(Options(quick=True)).rows}
    for name in NETWORKS:
        for form in (graphs.PUBLISHED, graphs.STANDARD, graphs.TAKEN, graphs.OURS):
            assert rows[f"{name}, f32: {form}"] > 0
        assert rows[f"{name}, f32: largest difference, in parts of the largest value"] < 1e-5
