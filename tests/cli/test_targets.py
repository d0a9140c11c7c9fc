"""Where results may be written, found out before the work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vultus.cli.pictures import Picture, gather
from vultus.cli.targets import check_drawing, check_file, check_plot, plan_drawings, write_file
from vultus.errors import ExtraMissing, OutputUnwritable

pytestmark = pytest.mark.unit


def named(*names: str) -> list[Picture]:
    return [Picture(name, Path(Path(name).name)) for name in names]


def test_one_picture_may_be_drawn_to_a_file(tmp_path: Path) -> None:
    [picture] = named("a.jpg")
    assert plan_drawings(tmp_path / "out.png", [picture]) == {picture: tmp_path / "out.png"}
    assert not (tmp_path / "out.png").exists()


def test_one_picture_may_be_drawn_into_a_folder(tmp_path: Path) -> None:
    [picture] = named("elsewhere/a.jpg")
    assert plan_drawings(tmp_path, [picture]) == {picture: tmp_path / "a.jpg"}
    assert plan_drawings(tmp_path / "new", [picture]) == {picture: tmp_path / "new" / "a.jpg"}
    assert (tmp_path / "new").is_dir()


def test_pictures_of_a_folder_keep_their_place(tmp_path: Path, album: Path) -> None:
    drawings = plan_drawings(tmp_path / "out", gather([str(album)], recursive=True))
    assert [str(path.relative_to(tmp_path / "out")) for path in drawings.values()] == [
        "a.png",
        "b.jpg",
        "c.PNG",
        str(Path("inner", "d.png")),
    ]


def test_formats_that_are_not_written_become_png(tmp_path: Path) -> None:
    drawings = plan_drawings(tmp_path, named("scan.tiff", "noending"))
    assert [path.name for path in drawings.values()] == ["scan.tiff.png", "noending.png"]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    drawings = plan_drawings(tmp_path, named("x/a.jpg", "y/a.jpg", "z/a.jpg"))
    assert [path.name for path in drawings.values()] == ["a.jpg", "a-2.jpg", "a-3.jpg"]


def test_several_pictures_do_not_go_into_a_file(tmp_path: Path, one: Path) -> None:
    with pytest.raises(OutputUnwritable, match="name one"):
        plan_drawings(tmp_path / "out.png", named("a.jpg", "b.jpg"))
    with pytest.raises(OutputUnwritable, match="name one"):
        plan_drawings(one, named("a.jpg", "b.jpg"))


def test_no_picture_is_overwritten_by_its_drawing(tmp_path: Path, one: Path, album: Path) -> None:
    with pytest.raises(OutputUnwritable, match="overwritten"):
        plan_drawings(one, named(str(one)))
    with pytest.raises(OutputUnwritable, match="overwritten"):
        plan_drawings(album, gather([str(album)]))
    (tmp_path / "link.png").symlink_to(one)
    with pytest.raises(OutputUnwritable, match="overwritten"):
        check_drawing(tmp_path / "link.png", named("b.jpg", str(one)))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("out.txt", r"\.npz or \.npy"), ("no/such/out.npz", "no folder"), ("folder.npz", "is a folder")],
)
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputUnwritable, match=complaint):
        check_file(tmp_path / name, (".npz", ".npy"))


def test_permissions_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may write everywhere
    with pytest.raises(OutputUnwritable, match="permission"):
        check_file(tmp_path / "out.npz", (".npz",))
    with pytest.raises(OutputUnwritable, match="permission"):
        plan_drawings(tmp_path, named("a.jpg", "b.jpg"))


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    check_file(tmp_path / "OUT.NPZ", (".npz",))


def test_a_folder_that_cannot_be_made_is_refused(one: Path) -> None:
    with pytest.raises(OutputUnwritable, match="cannot be made"):
        plan_drawings(one / "below-a-file", named("a.jpg", "b.jpg"))


def test_writing_makes_the_folders_and_tells_why_it_cannot(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "er" / "a.bin", b"content")
    assert (tmp_path / "deep" / "er" / "a.bin").read_bytes() == b"content"
    with pytest.raises(OutputUnwritable, match="cannot be written"):
        write_file(tmp_path / "deep", b"content")


def test_a_plot_is_a_png_file_and_needs_what_draws_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_plot(tmp_path / "plot.PNG")
    with pytest.raises(OutputUnwritable, match=r"must end in \.png"):
        check_plot(tmp_path / "plot.jpg")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissing, match=r"vultus\[evaluate\]"):
        check_plot(tmp_path / "plot.png")
