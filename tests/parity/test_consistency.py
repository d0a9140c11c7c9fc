"""Same picture, same settings, same answer: alone, among others in a request, under concurrent requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import consistency, pictures
from benchmarks.pictures import Pictures
from benchmarks.server import Server

pytestmark = pytest.mark.integration


def test_the_answer_does_not_depend_on_company(shared_models: Path, benchmark_pictures: Pictures) -> None:
    company = pictures.company(benchmark_pictures, 2 * consistency.COMPANY)
    with Server([shared_models]) as server:
        server.wait_ready()
        drifts = consistency.measure(server.url, benchmark_pictures.six_faces.read_bytes(), company)
    assert [found.answers for found in drifts.values()] == [1, 16, 16]
    for where, found in drifts.items():
        assert found.other_boxes == 0, where
        assert found.embedding <= 1e-5, where
