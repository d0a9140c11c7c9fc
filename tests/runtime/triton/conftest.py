"""Servers of KServe v2 that are not there for real, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.runtime.triton.fake import FakeModel, FakeServer

from vultus.types import CropSpec, Image, InputSpec
from vultus.zoo.catalogue import Model

SHA = "a" * 64
NAME = "probe"


@pytest.fixture(params=["grpc", "http"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeServer]:
    """A server that has the network ``probe``."""
    server = FakeServer(request.param, {NAME: FakeModel(parameters={"sha256": SHA, "precision": "f32"})})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def probe() -> Model:
    """The catalogue entry of the server's network."""
    return Model(
        name=NAME,
        task="embedding",
        family="arcface",
        file="probe.onnx",
        sha256=SHA,
        size=1,
        licence="Apache-2.0",
        commercial_use=True,
        source_project="a test",
        sources=(),
        input=InputSpec(2, 2),
        crop=CropSpec("template", 2),
    )


def rows(*values: int) -> Image:
    """A row of each value."""
    return np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])
