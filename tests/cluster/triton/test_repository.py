from __future__ import annotations

import json
from pathlib import Path

import pytest

from vultus.cluster.triton.repository import Exported, Repository
from vultus.errors import OutputUnwritable

pytestmark = pytest.mark.unit


def model(name: str) -> Exported:
    return Exported(name, "net", 112, 112, 64, "ab" * 32, "f32", "MIT", True)


def export(folder: Path, *names: str, force: bool = False) -> None:
    with Repository(folder, force=force) as repository:
        for name in names:
            repository.add(model(name), f'name: "{name}"\n', b"graph", in_python=False)
        repository.commit()


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_repository_has_triton_s_layout(tmp_path: Path) -> None:
    export(tmp_path / "repository", "a")
    assert files(tmp_path) == {
        "repository/a/config.pbtxt",
        "repository/a/1/model.onnx",
        "repository/vultus.json",
    }
    assert (tmp_path / "repository/a/config.pbtxt").read_text() == 'name: "a"\n'
    assert (tmp_path / "repository/a/1/model.onnx").read_bytes() == b"graph"


def test_the_manifest_says_what_there_is(tmp_path: Path) -> None:
    export(tmp_path / "repository", "a", "b")
    manifest = json.loads((tmp_path / "repository/vultus.json").read_text())
    assert [each["name"] for each in manifest["models"]] == ["a", "b"]
    assert manifest["models"][0]["sha256"] == "ab" * 32


def test_a_model_in_python_has_its_program(tmp_path: Path) -> None:
    with Repository(tmp_path / "repository") as repository:
        repository.add(model("a"), "", b"", in_python=True)
        repository.commit()
    assert "class TritonPythonModel" in (tmp_path / "repository/a/1/model.py").read_text()


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    with Repository(folder) as repository:
        repository.add(model("a"), "", b"", in_python=False)
        repository.write("note.txt", "")
        assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_whole_until_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    export(folder, "a")
    before = files(folder)
    with Repository(folder) as repository:
        repository.add(model("b"), "", b"", in_python=False)
    assert files(folder) == before  # as nothing was committed


def test_a_later_export_replaces_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    export(folder, "a", "b")
    (folder / "a/1/stale.txt").touch()
    export(folder, "a", "c")
    assert files(folder) == {
        "a/config.pbtxt",
        "a/1/model.onnx",
        "c/config.pbtxt",
        "c/1/model.onnx",
        "vultus.json",
    }


def test_a_later_export_leaves_the_user_s_own_models(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    export(folder, "a")
    (folder / "own/1").mkdir(parents=True)
    export(folder, "b")
    assert {path.name for path in folder.iterdir()} == {"b", "own", "vultus.json"}


def test_a_folder_of_others_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(OutputUnwritable, match="--force"):
        Repository(tmp_path)
    assert files(tmp_path) == {"letter.txt"}


def test_force_replaces_only_what_has_the_names_that_are_needed(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "a").mkdir(parents=True)
    (folder / "a/old.txt").touch()
    (folder / "letter.txt").touch()
    export(folder, "a", force=True)
    assert files(folder) == {"a/config.pbtxt", "a/1/model.onnx", "letter.txt", "vultus.json"}


def test_an_empty_folder_is_nobody_s(tmp_path: Path) -> None:
    export(tmp_path, "a")
    assert "a/config.pbtxt" in files(tmp_path)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"names": ["../letter.txt", "..", 3]}'])
def test_a_manifest_that_was_tampered_with_removes_nothing_outside(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "vultus.json").write_text(text)
    (tmp_path / "letter.txt").touch()
    export(folder, "a")
    assert (tmp_path / "letter.txt").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnwritable, match=f"{tmp_path}/file/repository cannot be written"):
        Repository(tmp_path / "file" / "repository")


def test_a_file_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnwritable, match="cannot be written"):
        Repository(tmp_path / "file")
