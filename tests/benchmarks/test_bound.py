"""OpenVINO alone on the real files: a bound that shares no code with Vultus."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bound import Published
from vultus.bench.bound import Call, Work
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

DETECTOR, EMBEDDER = "scrfd_500m_bnkps", "w600k_mbf"


@pytest.mark.usefixtures("shared_models")
@pytest.mark.parametrize("streams", [None, 1])
def test_it_runs_the_detector_at_the_shape_that_was_recorded(streams: int | None) -> None:
    catalogue, random = Catalogue.load(), np.random.default_rng(0)
    rows = {DETECTOR: (1, 192, 320, 3), EMBEDDER: (2, 112, 112, 3)}
    calls = tuple(
        Call(catalogue.model(name), None, random.integers(0, 256, shape, np.uint8))  # type: ignore[arg-type]
        for name, shape in rows.items()
    )
    work = Work(calls, faces=2)
    assert Published(DETECTOR, EMBEDDER, work, streams=streams).pictures_per_second(work, seconds=0) > 0
