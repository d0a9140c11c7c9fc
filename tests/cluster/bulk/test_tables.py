"""Tables of paths and addresses: which column, which place, and what is no table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from vultus.cluster.bulk.stores import FETCHED, Place, Stores
from vultus.cluster.bulk.tables import Columns, place_of, rows
from vultus.errors import SourceInvalid

pytestmark = pytest.mark.unit


USUAL = Columns()


def read(path: Path, columns: Columns = USUAL) -> list[tuple[str, Place]]:
    return list(rows(Place("", str(path)), columns, Stores()))


@pytest.fixture(params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A table of two pictures with numbers beside them."""
    path = tmp_path / f"table.{request.param}"
    if request.param == "csv":
        path.write_text('id,path,size\n7,a.jpg,1\n8,"b,c.jpg",2\n', encoding="utf-8")
    else:
        columns = {"id": [7, 8], "path": ["a.jpg", "b,c.jpg"], "size": [1, 2]}
        parquet.write_table(pa.table(columns), path)
    return path


def test_names_are_ids_and_are_relative_to_the_table(table: Path) -> None:
    folder = table.parent
    assert read(table) == [
        ("a.jpg", Place("", f"{folder}/a.jpg")),
        ("b,c.jpg", Place("", f"{folder}/b,c.jpg")),
    ]


def test_ids_may_be_a_column_of_their_own(table: Path) -> None:
    assert [own for own, _ in read(table, Columns(id="id"))] == ["7", "8"]


def test_a_table_on_a_store_is_read_like_one_here(table: Path) -> None:
    found = list(rows(Place.parse(f"file://{table}"), Columns(), Stores()))
    assert found[0] == ("a.jpg", Place("file:///", f"{table.parent}/a.jpg".lstrip("/")))


@pytest.mark.parametrize("columns", [Columns("image_path"), Columns("path", id="key")])
def test_a_missing_column_is_told_with_those_there_are(table: Path, columns: Columns) -> None:
    with pytest.raises(SourceInvalid, match=r"has no column \w+; there are id, path, size"):
        read(table, columns)


def test_which_column_it_is_may_have_to_be_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("one,two\na,b\n", encoding="utf-8")
    with pytest.raises(SourceInvalid, match="Say --column; there are one, two"):
        read(tmp_path / "t.csv")
    (tmp_path / "u.csv").write_text("anything\na.jpg\n", encoding="utf-8")
    assert [own for own, _ in read(tmp_path / "u.csv")] == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "store", "path"),
    [
        ("http://10.0.0.1/a.jpg", FETCHED, "http://10.0.0.1/a.jpg"),
        ("https://example.org/?a=1", FETCHED, "https://example.org/?a=1"),
        ("s3://bucket/k.jpg", "s3://bucket/", "k.jpg"),
        ("s3://bucket/k?endpoint_override=10.0.0.1", "s3://bucket/", "k?endpoint_override=10.0.0.1"),
        ("s3://b?endpoint_override=10.0.0.1/k", "s3://b/", "k"),
        ("/srv/a.jpg", "", "/srv/a.jpg"),
        ("sub/a.jpg", "", "/data/sub/a.jpg"),
        ("file:///etc/passwd", "", "/data/file:///etc/passwd"),
    ],
)  # fmt: skip
def test_where_a_name_leads(name: str, store: str, path: str) -> None:
    assert place_of(name, Place("", "/data/t.csv"), is_rooted=False) == Place(store, path)


@pytest.mark.parametrize("name", ["a.jpg", "../../etc/passwd", "/etc/passwd"])
def test_with_a_root_the_fetcher_decides(name: str) -> None:
    assert place_of(name, Place("", "/data/t.csv"), is_rooted=True) == Place(FETCHED, name)


def test_rows_without_a_name_are_rows_all_the_same(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"path": ["a.jpg", None, ""]}), tmp_path / "t.parquet")
    name = f"{tmp_path}/t.parquet"
    assert [own for own, _ in read(tmp_path / "t.parquet")] == ["a.jpg", f"{name}:1", f"{name}:2"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"path,size\na.jpg,1\nb.jpg,2,3\n"),
        ("t.csv", b"path\n\xff\xfe\xff.jpg\n"),
        ("t.parquet", b"no parquet"),
        ("t.parquet", b""),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceInvalid, match=r"t\.\w+ cannot be read"):
        read(tmp_path / name)


def test_a_column_that_holds_no_text_is_told(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"path": [["a"], ["b"]]}), tmp_path / "t.parquet")
    with pytest.raises(SourceInvalid, match="cannot be read"):
        read(tmp_path / "t.parquet")


def test_numbers_and_empty_words_in_a_csv_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path\n007\nnull\ntrue\n", encoding="utf-8")
    assert [own for own, _ in read(tmp_path / "t.csv")] == ["007", "null", "true"]
