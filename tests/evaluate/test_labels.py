"""Labels in file names, in names of folders and in tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.errors import GroundTruthError
from vultus.evaluate.labels import Labels, read_labels

pytestmark = pytest.mark.unit


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_utkface(tmp_path: Path) -> None:
    """Its page: [age]_[gender]_[race]_[date&time].jpg, gender 0 male, 1 female."""
    touch(tmp_path, "26_0_2_20170104.jpg.chip.jpg", "3_1_0_20170105.jpg", "readme.txt", "portrait.jpg", ".9_0_0_1.jpg")
    assert read_labels("utkface", tmp_path) == [
        Labels(tmp_path / "26_0_2_20170104.jpg.chip.jpg", age=26, gender="male"),
        Labels(tmp_path / "3_1_0_20170105.jpg", age=3, gender="female"),
    ]


def test_folders_named_after_classes(tmp_path: Path) -> None:
    touch(tmp_path, "with_mask/a.jpg", "Without Mask/b.png", "mask_weared_incorrect/in/c.jpg", "notes.txt")
    assert [(item.path.name, item.mask) for item in read_labels("folders", tmp_path)] == [
        ("b.png", "no_mask"),
        ("c.jpg", "incorrect"),
        ("a.jpg", "mask"),
    ]


def test_kinds_of_attack_keep_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.jpg", "print/b.jpg", "attack_screen/c.jpg", "spoof/d.jpg")
    found = {item.path.name: item.liveness for item in read_labels("folders", tmp_path)}
    assert found == {"a.jpg": "real", "b.jpg": "print", "c.jpg": "attack_screen", "d.jpg": "spoof"}


def test_genders_in_folders(tmp_path: Path) -> None:
    touch(tmp_path, "women/a.jpg", "male/b.jpg")
    assert [item.gender for item in read_labels("folders", tmp_path)] == ["male", "female"]


def test_a_folder_of_no_class_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "cats/a.jpg")
    with pytest.raises(GroundTruthError, match="cats"):
        read_labels("folders", tmp_path)


def test_a_table(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("path,age,gender,mask,liveness\na.jpg,30.5,F,,\nin/b.jpg,,,with_mask,Live\nc.jpg,,,,replay\n")
    assert read_labels(str(table), tmp_path) == [
        Labels(tmp_path / "a.jpg", age=30.5, gender="female"),
        Labels(tmp_path / "in" / "b.jpg", mask="mask", liveness="real"),
        Labels(tmp_path / "c.jpg", liveness="replay"),
    ]


@pytest.mark.parametrize(
    ("row", "fault"), [("a.jpg,old,", "line 2: age"), ("a.jpg,3,neither", "line 2: gender"), ("", "no picture")]
)
def test_a_fault_in_a_table_is_named(tmp_path: Path, row: str, fault: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(f"path,age,gender\n{row}\n")
    with pytest.raises(GroundTruthError, match=fault):
        read_labels(str(table), tmp_path)


@pytest.mark.parametrize(("truth", "fault"), [("utkface", "no picture"), ("folders", "no picture"), ("imdb", "imdb")])
def test_nothing_to_go_by_is_said(tmp_path: Path, truth: str, fault: str) -> None:
    with pytest.raises(GroundTruthError, match=fault):
        read_labels(truth, tmp_path)
    with pytest.raises(GroundTruthError, match="no such folder"):
        read_labels(truth, tmp_path / "none")
