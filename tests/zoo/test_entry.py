"""Entries written as TOML say what the entry says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vultus.errors import ModelUnavailable
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.entry import entry
from vultus.zoo.store import Store

pytestmark = pytest.mark.unit

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize("name", [model.name for model in CATALOGUE.models])
def test_what_is_written_is_read_as_the_same_network(tmp_path: Path, name: str) -> None:
    model, mine = CATALOGUE.model(name), tmp_path / "mine.toml"
    sha256 = model.sha256 or "a" * 64
    mine.write_text(entry(model, sha256), "utf-8")
    read = Catalogue.load([mine]).model(name)
    assert read == replace(model, sha256=sha256, md5=None, size=None, sources=(), note="", accuracy={})


class TestWhatIsKnownByNameOnly:
    @pytest.fixture
    def model(self, make_model: Callable[..., Any]) -> Any:
        return make_model(b"", sha256=None, size=None, note="It was never published.")

    def test_the_error_says_why_and_how_to_use_a_file_of_one_s_own(self, model: Any, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable) as raised:
            Store(tmp_path).path(model)
        said = raised.value.message
        assert "net is known by name only" in said
        assert "It was never published." in said
        assert '[models.net]\ntask = "detection"\n' in said
        assert 'sha256 = "what `sha256sum net.onnx` says"' in said

    def test_with_the_file_in_place_the_lines_given_make_it_usable(self, model: Any, tmp_path: Path) -> None:
        (tmp_path / "net.onnx").write_bytes(b"mine")
        store = Store(tmp_path / "cache", [tmp_path])
        assert (store.find(model), store.present(model), store.copies(model)) == (None, None, [])
        assert not store.may_fetch(model)
        with pytest.raises(ModelUnavailable) as raised:
            store.path(model)
        mine = tmp_path / "mine.toml"
        mine.write_text(raised.value.message.partition("\n\n")[2])
        assert store.path(Catalogue.load([mine]).model("net")) == tmp_path / "net.onnx"
