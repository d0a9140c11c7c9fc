"""The engine on real weights, the reference implementation and the benchmark pictures, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.needed import needed

from benchmarks import pictures, places
from benchmarks.pictures import Pictures
from benchmarks.reference_client import Reference
from benchmarks.subject import open_engine
from vultus import FaceEngine


@pytest.fixture(scope="session")
def engine(shared_models: Path) -> Iterator[FaceEngine]:
    """Default settings: OpenVINO, f32, square canvas of 640."""
    with open_engine(aspect="square") as opened:
        yield opened


@pytest.fixture(scope="session")
def onnx_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(runtime="onnx", aspect="square") as opened:
        yield opened


@pytest.fixture(scope="session")
def six_faces() -> Path:
    """The reference's own photograph. Where tests are meant to be whole, its absence is a failure."""
    with needed():
        return places.six_faces()


@pytest.fixture(scope="session")
def reference(six_faces: Path, shared_models: Path) -> Iterator[Reference]:
    with Reference() as running:
        yield running


@pytest.fixture(scope="session")
def benchmark_pictures(six_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return pictures.make(tmp_path_factory.mktemp("pictures"))
