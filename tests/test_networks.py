"""Which file a network is loaded from, and what it is computed in."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from vultus.errors import PrecisionUnavailable
from vultus.networks import Networks
from vultus.runtime.network import Network
from vultus.types import InputSpec, Profile
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.quantized import Quantized, Record, source_of
from vultus.zoo.store import Store

pytestmark = pytest.mark.unit

PROFILE = Profile("p", "scrfd_500m_bnkps", "w600k_mbf", ("2d106det",))


class Loaded(Exception):
    """A network would be loaded from this file."""


class Runtime:
    """Tells what it should load."""

    name, device, needs_files, counts = "test", "CPU", True, None
    families: Collection[str] | None = None

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        raise Loaded(path)

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """The built-in one."""
    return Catalogue.load()


def networks(catalogue: Catalogue, cache: Path, precision: str = "int8") -> Networks:
    return Networks(catalogue, Store(cache, offline=True), Runtime(precision), "any", Quantized([cache]))


def keep(catalogue: Catalogue, cache: Path, name: str) -> Path:
    model = catalogue.model(name)
    cache.mkdir(exist_ok=True)
    (cache / "draft").write_bytes(b"int8")
    record = Record(model.name, source_of(model), hashlib.sha256(b"int8").hexdigest(), 1)
    return Quantized([cache]).keep(cache / "draft", record, model)


def test_a_network_that_has_an_int8_form_is_loaded_from_it(catalogue: Catalogue, tmp_path: Path) -> None:
    place = keep(catalogue, tmp_path, "w600k_mbf")
    with pytest.raises(Loaded) as loaded:
        networks(catalogue, tmp_path).embedder(PROFILE)
    assert loaded.value.args == (place,)
    precisions = {name: networks(catalogue, tmp_path).precision(name) for name in ("w600k_mbf", "2d106det")}
    assert precisions == {"w600k_mbf": "int8", "2d106det": "f32"}


def test_its_source_need_not_be_here(catalogue: Catalogue, tmp_path: Path) -> None:
    for name in ("w600k_mbf", "scrfd_500m_bnkps", "2d106det"):
        keep(catalogue, tmp_path, name)
    networks(catalogue, tmp_path).fetch([PROFILE])
    assert networks(catalogue, tmp_path).has("w600k_mbf", "embedding")
    assert not networks(catalogue, tmp_path, "f32").has("w600k_mbf", "embedding")


def test_who_lacks_an_int8_form_is_named(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(catalogue, tmp_path, "w600k_mbf")
    with caplog.at_level(logging.WARNING):
        networks(catalogue, tmp_path).check_precision(PROFILE)
    assert caplog.messages == ["scrfd_500m_bnkps has no int8 form and is computed in f32"]


def test_where_none_has_one_the_command_is_told(catalogue: Catalogue, tmp_path: Path) -> None:
    keep(catalogue, tmp_path, "2d106det")
    with pytest.raises(PrecisionUnavailable, match="vultus models quantize PICTURES"):
        networks(catalogue, tmp_path).check_precision(PROFILE)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_without_int8_no_such_form_is_used(precision: str, catalogue: Catalogue, tmp_path: Path) -> None:
    keep(catalogue, tmp_path, "w600k_mbf")
    found: Any = networks(catalogue, tmp_path, precision)
    found.check_precision(PROFILE)
    assert found.precision("w600k_mbf") == precision
    assert not found.has("w600k_mbf", "embedding")
