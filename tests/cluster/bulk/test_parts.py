"""Parts: there whole or not at all, and known again."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import dataset, parquet

from vultus.cluster.bulk.parts import Committed, PartFile, file_name, remove_unfinished, write_whole
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Part
from vultus.errors import OutputUnwritable

pytestmark = pytest.mark.unit

SCHEMA = pa.schema([("picture", pa.string()), ("error", pa.string()), ("message", pa.string())])


def batch(*names: str) -> pa.RecordBatch:
    return pa.record_batch([list(names), [None] * len(names), [None] * len(names)], schema=SCHEMA)


def commit(folder: Path, part: Part, tally: Tally, *, is_last: bool) -> None:
    PartFile(folder, SCHEMA).commit(part, tally, is_last=is_last)


def test_a_part_is_not_there_before_it_is_committed(tmp_path: Path) -> None:
    file = PartFile(tmp_path, SCHEMA)
    file.write(batch("a", "b"))
    file.write(batch("c"))
    assert not list(tmp_path.glob("*.parquet"))
    assert dataset.dataset(tmp_path, format="parquet").count_rows() == 0  # readers pass it over
    assert Committed.scan(tmp_path) == Committed()
    file.commit(Part(3, 1), Tally(), is_last=True)
    assert [path.name for path in tmp_path.iterdir()] == [file_name(Part(3, 1))] == ["part-000003-000001.parquet"]
    assert parquet.read_table(tmp_path)["picture"].to_pylist() == ["a", "b", "c"]


def test_a_part_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    file = PartFile(tmp_path, SCHEMA)
    file.write(batch("a"))
    file.discard()
    assert not list(tmp_path.iterdir())


def test_a_part_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def watched_fsync(number: int) -> None:
        order.append("folder" if Path(f"/proc/self/fd/{number}").resolve() == tmp_path else "file")
        fsync(number)

    def watched_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    commit(tmp_path, Part(0, 0), Tally(), is_last=True)
    write_whole(tmp_path / "manifest.json", b"{}")
    assert order == ["file", "rename", "folder"] * 2


def test_a_folder_is_known_again_by_what_its_parts_say(tmp_path: Path) -> None:
    commit(tmp_path, Part(0, 0), Tally(pictures=5, faces=4, errors=Counter(x=1)), is_last=True)
    commit(tmp_path, Part(1, 0), Tally(pictures=5), is_last=False)
    commit(tmp_path, Part(1, 1), Tally(pictures=2, errors=Counter(x=1, y=1)), is_last=True)
    commit(tmp_path, Part(2, 0), Tally(pictures=5), is_last=False)
    (tmp_path / "notes.parquet").write_bytes(b"somebody else's")
    found = Committed.scan(tmp_path)
    assert found.chunks == {0: {0}, 1: {0, 1}, 2: {0}}
    assert found.whole == {0, 1}
    assert found.tally == Tally(17, 4, 0, Counter(x=2, y=1))
    assert found.parts == 4


def test_a_unit_that_lacks_a_part_is_not_whole(tmp_path: Path) -> None:
    commit(tmp_path, Part(0, 2), Tally(), is_last=True)
    commit(tmp_path, Part(0, 0), Tally(), is_last=False)
    assert Committed.scan(tmp_path).whole == set()


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1 cut off"])
def test_a_file_that_only_looks_like_a_part_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / file_name(Part(0, 0))).write_bytes(content)
    with pytest.raises(OutputUnwritable, match="is no part of an index"):
        Committed.scan(tmp_path)


def test_a_table_of_somebody_else_is_told(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / file_name(Part(0, 0)))
    with pytest.raises(OutputUnwritable, match="is no part of an index"):
        Committed.scan(tmp_path)


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    commit(tmp_path, Part(0, 0), Tally(), is_last=True)
    file = PartFile(tmp_path, SCHEMA)
    file.write(batch("a"))
    (tmp_path / ".other").touch()
    remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {file_name(Part(0, 0)), ".other"}
    file.discard()


def test_a_folder_that_has_gone_is_told(tmp_path: Path) -> None:
    for write in (
        lambda folder: PartFile(folder, SCHEMA),
        lambda folder: write_whole(folder / "manifest.json", b"{}"),
    ):
        with pytest.raises(OutputUnwritable, match="cannot be written: No such file"):
            write(tmp_path / "absent")
