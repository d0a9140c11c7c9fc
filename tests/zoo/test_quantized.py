"""Int8 files: found by the very file they were made from, and only as they were kept."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from vultus.errors import OutputUnwritable
from vultus.settings import load_settings
from vultus.zoo.catalogue import Model
from vultus.zoo.quantized import Quantized, Record, file_name, read_record, source_of

pytestmark = pytest.mark.unit

MakeModel = Callable[..., Model]
SOURCE, INT8 = b"the network in f32", b"the same in int8"


def record(model: Model, content: bytes = INT8) -> Record:
    return Record(model.name, source_of(model), hashlib.sha256(content).hexdigest(), 7, {"cosine": 1}, {"onnx": "1"})


def keep(folder: Path, model: Model, known: Record | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    draft = folder / "draft"
    draft.write_bytes(INT8)
    return Quantized([folder]).keep(draft, known or record(model), model)


def test_what_was_kept_is_found_with_what_is_known_of_it(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model(SOURCE)
    place = keep(tmp_path, model)
    assert place.name == f"net-{hashlib.sha256(SOURCE).hexdigest()[:12]}-int8.onnx"
    assert Quantized([tmp_path]).find(model) == place
    assert read_record(place) == record(model)
    assert sorted(path.name for path in tmp_path.iterdir()) == [place.with_suffix(".json").name, place.name]


def test_who_asked_before_it_was_kept_finds_it_afterwards(make_model: MakeModel, tmp_path: Path) -> None:
    model, quantized = make_model(SOURCE), Quantized([tmp_path])
    assert quantized.find(model) is None
    (tmp_path / "draft").write_bytes(INT8)
    place = quantized.keep(tmp_path / "draft", record(model), model)
    assert quantized.find(model) == place


def test_a_network_of_the_same_name_from_another_file_has_none(make_model: MakeModel, tmp_path: Path) -> None:
    keep(tmp_path, make_model(SOURCE))
    assert Quantized([tmp_path]).find(make_model(SOURCE + b"!")) is None
    assert Quantized([tmp_path]).find(make_model(SOURCE, sha256=None)) is None


@pytest.mark.parametrize("wrong", ["content", "source", "record", "no record"])
def test_a_file_that_is_not_what_its_record_says_is_passed_over(
    wrong: str, make_model: MakeModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_model(SOURCE)
    place = keep(tmp_path, model)
    beside = place.with_suffix(".json")
    match wrong:
        case "content":
            place.write_bytes(INT8 + b"!")
        case "source":
            beside.write_text(beside.read_text().replace(source_of(model), "sha256:" + "0" * 64))
        case "record":
            beside.write_text("{")
        case "no record":
            beside.unlink()
    with caplog.at_level(logging.WARNING):
        assert Quantized([tmp_path]).find(model) is None
    assert f"passing over {place}" in caplog.text


def test_the_cache_comes_before_other_folders(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model(SOURCE)
    there = keep(tmp_path / "mounted", model)
    settings = load_settings(model_cache=tmp_path / "cache", model_path=(tmp_path / "mounted",))
    assert Quantized.from_settings(settings).find(model) == there
    here = keep(tmp_path / "cache", model)
    assert Quantized.from_settings(settings).find(model) == here


def test_a_folder_that_cannot_be_written_is_told(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model(SOURCE)
    (tmp_path / "draft").write_bytes(INT8)
    with pytest.raises(OutputUnwritable, match=file_name(model)):
        Quantized([tmp_path / "nowhere"]).keep(tmp_path / "draft", record(model), model)
