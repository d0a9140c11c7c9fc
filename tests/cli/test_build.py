from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from vultus.runtime.dummy import DummyNetwork, DummyRuntime
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit

SHAPES = {(640, 640), (640, 544), (544, 640)}


def test_every_network_is_built_at_every_shape_that_a_server_uses(run: Callable[..., Result]) -> None:
    result = run("models", "build", "--dialects", "none", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["runtime"], told["device"], told["precision"], told["kept"]) == ("dummy", "none", "f32", None)
    built = {(each["network"], each["width"], each["height"]) for each in told["networks"]}
    assert built == {
        *(("scrfd_500m_bnkps", *shape) for shape in SHAPES),
        ("w600k_mbf", 112, 112),
        ("2d106det", 192, 192),
    }
    assert all(each["seconds"] > 0 for each in told["networks"])


def test_the_apis_offered_bring_their_shapes(run: Callable[..., Result]) -> None:
    """CompreFace never enlarges: a small picture's canvas may be short on both sides."""
    told = json.loads(run("models", "build", "--dialects", "compreface", "--compreface-length", "320", "--json").stdout)
    built = [(each["network"], each["width"], each["height"]) for each in told["networks"]]
    assert len(built) == len(set(built))
    assert {(width, height) for name, width, height in built if name == "scrfd_500m_bnkps"} >= SHAPES | {(320, 320)}


def test_the_table_says_that_nothing_is_kept(run: Callable[..., Result]) -> None:
    result = run("models", "build")
    assert "640 x 544" in result.stdout
    assert "nothing is kept: this device compiles at each start" in result.stdout


def test_each_network_and_shape_is_loaded_once(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[tuple[str, int, int]] = []
    load = DummyRuntime.load

    def note(self: DummyRuntime, model: Model, path: Path, spec: InputSpec) -> DummyNetwork:
        loaded.append((model.name, spec.width, spec.height))
        return load(self, model, path, spec)

    monkeypatch.setattr(DummyRuntime, "load", note)
    told = json.loads(run("models", "build", "--json").stdout)
    assert sorted(loaded) == sorted((each["network"], each["width"], each["height"]) for each in told["networks"])


def test_a_network_that_cannot_be_had_ends_it(run: Callable[..., Result]) -> None:
    result = run("models", "build", "--runtime", "openvino")
    assert result.exit_code == 3
    assert "scrfd_500m_bnkps" in result.output
