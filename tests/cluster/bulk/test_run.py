"""Indexing from beginning to end, in this process: every picture has its rows, once, and always the same."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pyarrow import dataset, parquet
from tests.cluster.bulk.conftest import BROKEN, Heard, rows, tar

from vultus import FaceEngine, load_settings
from vultus.cluster.bulk import run as bulk_run
from vultus.cluster.bulk.order import networks
from vultus.cluster.bulk.run import PARTS
from vultus.cluster.bulk.units import Shard
from vultus.errors import OutputUnwritable, RequestError, ResumeRefused, SourceInvalid
from vultus.types import Plan

pytestmark = pytest.mark.integration

MakeIndex = Callable[..., dict[str, Any]]


class Stopped(Exception):
    """A test ends a run as an error would."""


def stop_after(heard: Heard, pictures: int) -> None:
    def check(tally: Any) -> None:
        if tally.pictures >= pictures:
            heard.on_tell = lambda _: None
            heard.tally.pictures = 0
            raise Stopped

    heard.on_tell = check


def test_every_picture_has_its_rows_in_order(album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard) -> None:
    made = make_index(album)
    found = rows(tmp_path / "out")
    names = list(dict.fromkeys(row["picture"] for row in found))
    assert names == [str(path) for path in sorted(album.rglob("*.png"))]
    by_name = Counter(row["picture"] for row in found)
    for name in names:
        number = int(Path(name).stem)
        of_it = [row for row in found if row["picture"] == name]
        if number % 7 == 6:
            assert [(row["error"], row["face"]) for row in of_it] == [("picture_corrupt", None)]
        elif number % 4:
            assert [row["face"] for row in of_it] == list(range(number % 4))
            assert all(row["error"] is None and len(row["embedding"]) == 512 for row in of_it)
        else:
            assert [(row["face"], row["error"], row["width"]) for row in of_it] == [(None, None, 128)]
    faces = sum(number % 4 for number in range(23) if number % 7 != 6)
    empty = sum(number % 4 == 0 for number in range(23) if number % 7 != 6)
    expected = {"pictures": 23, "faces": faces, "empty": empty, "errors": {"picture_corrupt": 3}}
    assert made["counts"] == expected
    assert made == json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert made["complete"] is True
    assert made["parts"] == 5
    assert (heard.tally.pictures, heard.tally.faces, heard.tally.failed) == (23, faces, 3)
    assert sum(by_name.values()) == faces + empty + 3


def test_rows_say_what_the_engine_says(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    make_index(album, plan=Plan(attributes=frozenset({"landmarks106"})))
    with FaceEngine(load_settings(runtime="dummy", streams=2, canvas=128)) as engine:
        for row in (row for row in rows(tmp_path / "out") if row["face"] is not None):
            analysis = engine.analyze(row["picture"], Plan(attributes=frozenset({"landmarks106"})))
            face = analysis.faces[row["face"]]
            assert (row["width"], row["height"]) == (analysis.width, analysis.height)
            assert row["box"] == face.box.tolist()
            assert face.landmarks is not None
            assert row["landmarks"] == face.landmarks.ravel().tolist()
            assert row["score"] == pytest.approx(face.score, abs=1e-7)
            assert face.embedding is not None
            assert row["embedding"] == face.embedding.tolist()
            points = face.attributes["landmarks106"]
            assert json.loads(row["attributes"])["landmarks106"] == pytest.approx(points, abs=1e-3)


def test_the_parts_are_one_table_for_whoever_reads_the_folder(
    album: Path, tmp_path: Path, make_index: MakeIndex
) -> None:
    make_index(album)
    table = dataset.dataset(tmp_path / "out" / PARTS).to_table()
    assert table.num_rows == len(rows(tmp_path / "out"))
    assert table.schema.metadata[b"vultus.schema"] == b"1"


@pytest.mark.parametrize("stopped", [1, 5, 7, 12, 22, 23])
def test_a_run_that_ended_early_is_gone_on_with(
    album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard, stopped: int
) -> None:
    make_index(album, out="whole")
    heard.tally.pictures = 0
    stop_after(heard, stopped)
    with pytest.raises(Stopped):
        make_index(album)
    begun = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert begun["complete"] is False
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / PARTS).glob("*.parquet")}
    assert len(kept) <= stopped // 5
    made = make_index(album)
    assert made["complete"] is True
    assert rows(tmp_path / "out") == rows(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert heard.before is not None
    assert heard.before.pictures == 5 * len(kept)
    assert not list((tmp_path / "out" / PARTS).glob(".writing-*"))


def test_what_is_complete_is_left_alone(album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard) -> None:
    made = make_index(album)
    heard.tally.pictures = 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert make_index(album) == made
    assert heard.tally.pictures == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    lock = tmp_path / "out" / ".lock"
    assert {path: time for path, time in after.items() if path != lock} == {
        path: time for path, time in before.items() if path != lock
    }


def test_a_part_that_was_lost_is_made_anew(album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard) -> None:
    made = make_index(album)
    whole = rows(tmp_path / "out")
    heard.tally.pictures = 0
    sorted((tmp_path / "out" / PARTS).glob("*.parquet"))[2].unlink()
    assert make_index(album) == made
    assert rows(tmp_path / "out") == whole
    assert heard.tally.pictures == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"part_size": 6}, "settings.part_size was 5 and is 6"),
        ({"vectors": "float16"}, "settings.vectors"),
        ({"shard": Shard(1, 2)}, "shard"),
        ({"plan": Plan(max_faces=1)}, "settings.max_faces"),
        ({"settings": {"threshold": 0.7}}, "settings.profile.threshold was 0.5 and is 0.7"),
        ({"settings": {"canvas": 320}}, "settings.profile.canvas"),
        ({"settings": {"detector": "scrfd_2.5g_bnkps"}}, "models.scrfd"),
    ],
)
def test_other_choices_are_refused(
    album: Path, make_index: MakeIndex, heard: Heard, change: dict[str, Any], told: str
) -> None:
    stop_after(heard, 7)
    with pytest.raises(Stopped):
        make_index(album)
    with pytest.raises(ResumeRefused, match=told):
        make_index(album, **change)


@pytest.mark.parametrize("change", ["more", "fewer", "other", "renamed"])
def test_other_pictures_are_refused(album: Path, make_index: MakeIndex, heard: Heard, change: str) -> None:
    stop_after(heard, 7)
    with pytest.raises(Stopped):
        make_index(album)
    picture = album / "second" / "10.png"
    match change:
        case "more":
            picture.with_name("99.png").write_bytes(b"")
        case "fewer":
            picture.unlink()
        case "other":
            picture.write_bytes(b"of another size")
        case "renamed":
            picture.rename(picture.with_name("10b.png"))
    with pytest.raises(ResumeRefused, match=r"source\.digest"):
        make_index(album)


def test_other_networks_are_refused(
    album: Path, make_index: MakeIndex, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(heard, 7)
    with pytest.raises(Stopped):
        make_index(album)

    def other(*given: Any) -> dict[str, dict[str, str | None]]:
        return {name: facts | {"sha256": "0" * 64} for name, facts in networks(*given).items()}

    monkeypatch.setattr(bulk_run, "networks", other)
    with pytest.raises(ResumeRefused, match=r"models\.\w+\.sha256 was .* and is \"0000"):
        make_index(album)


def test_a_source_that_changes_meanwhile_is_told(album: Path, make_index: MakeIndex, heard: Heard) -> None:
    def grow(_: Any) -> None:
        (album / "second" / "99.png").write_bytes(b"new")

    heard.on_tell = grow  # when the first picture is done, the last folder has not been listed for the second time
    big = [album.parent / f"more{number}" for number in range(30)]
    for folder in big:
        folder.mkdir()
        (folder / "a.png").write_bytes(BROKEN)
    with pytest.raises(SourceInvalid, match="changed while it was indexed"):
        make_index(*big, *big, album)


def test_shards_together_are_the_whole(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    archive = tar(tmp_path / "t.tar", {f"{n}.png": (album / "first" / "01.png").read_bytes() for n in range(9)})
    make_index(album, archive)
    whole = Counter((row["picture"], row["face"]) for row in rows(tmp_path / "out"))
    shared: Counter[tuple[str, int | None]] = Counter()
    for index in (1, 2, 3):
        made = make_index(album, archive, out=f"shard{index}", shard=Shard(index, 3))
        found = rows(tmp_path / f"shard{index}")
        assert made["shard"] == f"{index}/3"
        assert made["counts"]["pictures"] == len({row["picture"] for row in found})
        shared.update((row["picture"], row["face"]) for row in found)
    assert shared == whole


def test_archives_are_gone_on_with_within(
    tmp_path: Path, make_index: MakeIndex, heard: Heard, faces: Callable[[int], bytes]
) -> None:
    one = tar(tmp_path / "one.tar", {f"{number:02}.png": faces(number % 3) for number in range(23)})
    two = tar(tmp_path / "two.tar.gz", {f"{number:02}.png": faces(2) for number in range(4)}, "w:gz")
    none = tar(tmp_path / "none.tar", {"readme.txt": b"nothing"})
    make_index(one, none, two, out="whole")
    heard.tally.pictures = 0
    stop_after(heard, 17)
    with pytest.raises(Stopped):
        make_index(one, none, two)
    assert make_index(one, none, two)["counts"]["pictures"] == 27
    assert rows(tmp_path / "out") == rows(tmp_path / "whole")
    assert [row["picture"] for row in rows(tmp_path / "out")][-1] == f"{two}/03.png"
    assert heard.tally.archive_bytes >= one.stat().st_size


def test_a_broken_archive_is_a_row_and_no_stop(
    album: Path, tmp_path: Path, make_index: MakeIndex, faces: Callable[[int], bytes]
) -> None:
    torn = tar(tmp_path / "torn.tar", {f"{number}.png": faces(1) for number in range(3)})
    torn.write_bytes(torn.read_bytes()[:1500])
    made = make_index(torn, album)
    assert made["counts"]["errors"] == {"archive_corrupt": 1, "picture_corrupt": 3}
    (row,) = [row for row in rows(tmp_path / "out") if row["error"] == "archive_corrupt"]
    assert row["picture"] == str(torn)


def test_a_table_of_good_bad_and_missing_pictures(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    table = tmp_path / "table.csv"
    names = ["album/first/01.png", "album/first/06.png", "absent.png", str(album / "first" / "02.png"), "", "album"]
    table.write_text("id,path\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names)), encoding="utf-8")
    made = make_index(table, id_column="id")
    found = [(row["picture"], row["error"]) for row in rows(tmp_path / "out")]
    assert found == [
        ("0", None),
        ("1", "picture_corrupt"),
        ("2", "picture_unreachable"),
        ("3", None),
        ("3", None),
        ("4", "picture_unreachable"),
        ("5", "picture_unreachable"),
    ]
    assert made["counts"]["errors"] == {"picture_corrupt": 1, "picture_unreachable": 3}


def test_a_root_keeps_a_table_within(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path\nfirst/01.png\n../secret.png\n", encoding="utf-8")
    (tmp_path / "secret.png").write_bytes((album / "first" / "01.png").read_bytes())
    make_index(table, settings={"image_root": album})
    assert [row["error"] for row in rows(tmp_path / "out")] == [None, "picture_unreachable"]


@pytest.mark.parametrize("source", ["absent", "empty", "absent.tar", "*.jpg"])
def test_nothing_to_index_is_told_before_anything_is_written(
    tmp_path: Path, make_index: MakeIndex, source: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceInvalid):
        make_index(tmp_path / source)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_facts_that_nothing_tells_are_refused_at_once(album: Path, make_index: MakeIndex) -> None:
    with pytest.raises(RequestError, match="no network here tells shoe_size; there are"):
        make_index(album, plan=Plan(attributes=frozenset({"shoe_size"})))


def test_two_runs_do_not_write_into_one_folder(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(OutputUnwritable, match="another run"):
        make_index(album)


def test_a_folder_of_parts_without_a_manifest_is_refused(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    make_index(album)
    (tmp_path / "out" / "manifest.json").unlink()
    with pytest.raises(OutputUnwritable, match=r"has parts of an index, but no manifest\.json"):
        make_index(album)


def test_a_file_in_the_way_is_told(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(OutputUnwritable, match="out cannot be written"):
        make_index(album)


def test_a_disk_that_is_full_ends_the_run_and_nothing_is_half_there(
    album: Path, tmp_path: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, batch: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(parquet.ParquetWriter, "write_batch", full)
        with pytest.raises(OutputUnwritable, match="No space left"):
            make_index(album)
    assert not list((tmp_path / "out" / PARTS).iterdir())
    assert make_index(album)["complete"] is True


def test_parts_are_the_same_bytes_whoever_writes_them(album: Path, tmp_path: Path, make_index: MakeIndex) -> None:
    def digests(out: str) -> list[str]:
        paths = sorted((tmp_path / out / PARTS).iterdir())
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    make_index(album)
    make_index(album, out="again", readers=16, settings={"streams": 1})
    assert digests("out") == digests("again")
