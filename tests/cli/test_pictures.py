"""Which pictures names of files and folders stand for."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from vultus.cli.pictures import Reader, gather
from vultus.errors import PictureUnreachable

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("dummy")]


def test_a_file_that_is_named_is_always_tried(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("x", encoding="utf-8")
    [found] = gather([str(text)])
    assert (found.name, found.place, found.error) == (str(text), Path("notes.txt"), None)


def test_a_folder_gives_its_pictures_sorted_without_hidden_and_other_files(album: Path) -> None:
    assert [picture.place for picture in gather([str(album)])] == [Path("a.png"), Path("b.jpg"), Path("c.PNG")]


def test_folders_of_folders_are_searched_on_request(album: Path) -> None:
    places = [str(picture.place) for picture in gather([str(album)], recursive=True)]
    assert places == ["a.png", "b.jpg", "c.PNG", str(Path("inner", "d.png"))]


def test_names_keep_their_order_and_their_spelling(album: Path, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album.parent)
    assert [picture.name for picture in gather(["one.png", "album"])] == [
        "one.png",
        str(Path("album", "a.png")),
        str(Path("album", "b.jpg")),
        str(Path("album", "c.PNG")),
    ]


def test_nothing_there_is_an_error_of_its_own_picture(tmp_path: Path, one: Path) -> None:
    missing, there = gather([str(tmp_path / "missing.jpg"), str(one)])
    assert isinstance(missing.error, PictureUnreachable)
    assert there.error is None


def test_an_empty_folder_is_an_error_that_tells_how_to_look_deeper(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    [flat] = gather([str(tmp_path / "empty")])
    [deep] = gather([str(tmp_path / "empty")], recursive=True)
    assert flat.error is not None
    assert deep.error is not None
    assert "--recursive" in flat.error.message
    assert "--recursive" not in deep.error.message


def test_a_file_is_left_to_the_engine_to_read(one: Path) -> None:
    reader = Reader(one.stat().st_size)
    [picture] = gather([str(one)])
    assert reader.source(picture) == one
    assert reader.again(picture) == one.read_bytes()


def test_standard_input_is_read_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"picture")))
    reader = Reader(1000)
    first, second = gather(["-", "-"])
    assert reader.source(first) == reader.source(second) == reader.again(first) == b"picture"


def test_no_more_is_read_than_shows_that_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 100)))
    assert len(Reader(10).source(gather(["-"])[0])) == 11  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    os.write(end, b"picture")
    reader = Reader(6)  # one more than the limit is all there is, so that the read ends without the writer's leave
    [picture] = gather([str(pipe)])
    assert reader.source(picture) == reader.again(picture) == b"picture"
    os.close(end)


def test_a_file_that_has_gone_since_is_a_picture_error(one: Path) -> None:
    [picture] = gather([str(one)])
    one.unlink()
    with pytest.raises(PictureUnreachable):
        Reader(1000).again(picture)
