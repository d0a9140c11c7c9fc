"""Times of networks beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import models_speed
from benchmarks.models_speed import Bench
from vultus.embed.embedder import Embeddings
from vultus.types import Detection

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(shared_models: Path, shared_data: Path) -> Iterator[Bench]:
    with Bench() as made:
        yield made


def test_each_task_has_a_job_that_does_real_work(bench: Bench) -> None:
    found = bench.job(bench.engine.model("ultraface"))()
    assert isinstance(found, Detection)
    assert len(found) == 1
    embeddings = bench.job(bench.engine.model("w600k_mbf"))()
    assert isinstance(embeddings, Embeddings)
    assert np.linalg.norm(embeddings.vectors, axis=1) == pytest.approx([1.0])
    facts = bench.job(bench.engine.model("genderage_v1"))()
    assert isinstance(facts, dict)
    assert facts["gender"] == [0]  # as CompreFace says of the person


def test_a_ratio_is_of_rounds_in_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which every detector but the default takes three times as long."""
    default = bench.engine.model("scrfd_500m_bnkps")
    own = bench.engine.model("yunet")
    jobs: dict[str, Callable[[], object]] = {default.name: lambda: 1.0, own.name: lambda: 3.0}
    monkeypatch.setattr(bench, "job", lambda model: jobs[model.name])
    monkeypatch.setattr(models_speed, "seconds", lambda job: job())
    assert bench.ratio(own, 5) == 3.0
    assert bench.ratio(default, 5) == 1.0
