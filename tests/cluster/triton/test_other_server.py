"""Vultus on another server of the protocol, which knows no configurations, no hashes and no shared memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.other_server import serving
from tests.triton_server import settings_of

from benchmarks.triton_server import export
from vultus import FaceEngine
from vultus.types import Analysis

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def addresses(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("mlserver") / "repository"
    with serving(export(settings_of(shared_models), folder)) as found:
        yield found


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_another_server_says_what_the_networks_say_here(
    scheme: str,
    addresses: tuple[str, str],
    shared_models: Path,
    shared_data: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pictures = sorted((shared_data / "compreface_samples").glob("*.jpg"))[:4]
    with FaceEngine(settings_of(shared_models)) as engine:
        expected = list(engine.analyze_many(pictures))
    url = f"{scheme}://{addresses[scheme == 'grpc']}"
    with (
        caplog.at_level(logging.WARNING),
        FaceEngine(settings_of(shared_models, runtime="triton", triton_url=url)) as engine,
    ):
        found = list(engine.analyze_many(pictures))
    assert "whether the server's weights are the catalogue's cannot be checked" in caplog.text
    for here, there in zip(expected, found, strict=True):
        assert isinstance(here, Analysis)
        assert isinstance(there, Analysis)
        assert here.faces
        assert len(there.faces) == len(here.faces)
        for one, other in zip(here.faces, there.faces, strict=True):
            np.testing.assert_allclose(other.box, one.box, atol=0.01)
            assert one.embedding is not None
            assert other.embedding is not None
            assert float(one.embedding @ other.embedding) >= 0.99999
