"""Files that cannot be read are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.errors import GroundTruthError
from vultus.evaluate.files import check_folder, read_json, read_rows, read_text

pytestmark = pytest.mark.unit


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfpath")
    assert read_text(path) == "path"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GroundTruthError, match=r"a\.txt is not UTF-8"):
        read_text(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match=r"a\.txt cannot be read"):
        read_text(tmp_path / "a.txt")


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1]}')
    assert read_json(path) == {"a": [1]}
    path.write_text("{")
    with pytest.raises(GroundTruthError, match=r"a\.json is not JSON"):
        read_json(path)


def test_rows_may_be_shorter_or_longer_than_the_heading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("path,age\na.jpg, 3 \nb.jpg\nc.jpg,4,more,and more\n")
    assert read_rows(path) == [
        {"path": "a.jpg", "age": "3"},
        {"path": "b.jpg", "age": ""},
        {"path": "c.jpg", "age": "4"},
    ]


def test_a_table_needs_its_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("")
    with pytest.raises(GroundTruthError, match="`path`"):
        read_rows(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    check_folder(tmp_path)
    with pytest.raises(GroundTruthError, match="no such folder"):
        check_folder(tmp_path / "none")
