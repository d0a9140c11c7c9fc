"""Listing: folders, patterns, archives and tables, here and on a store."""

from __future__ import annotations

import glob
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.cluster.bulk.sources import Archive, Found, Picture, Sources, Survey
from vultus.cluster.bulk.stores import Entry, Place, Stores
from vultus.cluster.bulk.tables import Columns
from vultus.errors import SourceInvalid

pytestmark = pytest.mark.unit

FILES = (
    "a.jpg",
    "b/c.PNG",
    "b/d.txt",
    "b/deep/e.webp",
    "b/.hidden.jpg",
    ".git/f.jpg",
    "x/t.tar",
    "x/u.tgz",
    "z[1].jpg",
)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def listed(*names: object) -> list[Found]:
    return list(Sources(tuple(map(str, names)), Columns(), Stores()))


def ids(*names: object) -> list[str]:
    return [found.id for found in listed(*names)]


def test_of_a_folder_the_pictures_are_taken_also_of_folders_within(tree: Path) -> None:
    expected = [f"{tree}/{name}" for name in ("a.jpg", "b/c.PNG", "b/deep/e.webp", "z[1].jpg")]
    assert ids(tree) == ids(f"{tree}/") == expected
    assert listed(tree)[0] == Picture(expected[0], Place("", expected[0]), 5)


def test_a_store_is_listed_as_a_folder_is(tree: Path) -> None:
    assert ids(f"file://{tree}") == [f"file://{name}" for name in ids(tree)]


def test_names_are_as_the_user_wrote_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert ids("b", "a.jpg") == ["b/c.PNG", "b/deep/e.webp", "a.jpg"]
    assert ids(".")[0] == "./a.jpg"
    assert ids("*.jpg") == ["a.jpg", "z[1].jpg"]


def test_archives_count_where_they_are_named(tree: Path) -> None:
    assert listed(tree / "x/t.tar") == [Archive(f"{tree}/x/t.tar", Place("", f"{tree}/x/t.tar"), 7)]
    assert all(isinstance(found, Archive) for found in listed(f"{tree}/x/*"))
    assert len(listed(f"{tree}/x/*.t[ag]*")) == 2


def test_a_file_that_is_named_is_tried_whatever_it_is_called(tree: Path) -> None:
    assert ids(tree / "b/d.txt") == [f"{tree}/b/d.txt"]
    assert ids(tree / "z[1].jpg") == [f"{tree}/z[1].jpg"]


PATTERNS = ("*.jpg", "*/*", "**", "**/*.jpg", "b/**", "?.jpg", "[ab]*", "b/*/e.webp", ".*/*", "**/deep/*", "[!a]*/c*")


@pytest.mark.parametrize(
    ("scheme", "pattern"),
    # In an address ? begins what says how to reach the store.
    [("", pattern) for pattern in PATTERNS] + [("file://", pattern) for pattern in PATTERNS if "?" not in pattern],
)
def test_patterns_match_what_the_standard_library_matches(tree: Path, scheme: str, pattern: str) -> None:
    matches = [path for path in glob.glob(f"{tree}/{pattern}", recursive=True) if not Path(path).is_dir()]  # noqa: PTH207
    folders = [path for path in glob.glob(f"{tree}/{pattern}", recursive=True) if Path(path).is_dir()]  # noqa: PTH207
    if "**" not in pattern:  # of a folder that matches the pictures are taken; ** goes into all of them itself
        matches += [name for path in folders for name in ids(path)]
    assert sorted(ids(f"{scheme}{tree}/{pattern}")) == sorted(f"{scheme}{name}" for name in matches)


@given(st.sets(st.text("ab.", min_size=1, max_size=4).filter(lambda name: name.strip(".")), max_size=8))
def test_a_folder_gives_every_picture_once_in_order(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, f"{name}.jpg").write_bytes(b"")
        expected = sorted(f"{folder}/{name}.jpg" for name in names if not name.startswith("."))
        if expected:
            assert ids(folder) == expected
        else:
            with pytest.raises(SourceInvalid):
                ids(folder)


@pytest.mark.parametrize("missing", ["absent", "absent/*.jpg", "*.nothing", "absent.csv", "**/*.nothing"])
def test_a_source_that_is_not_there_is_told(tree: Path, missing: str) -> None:
    with pytest.raises(SourceInvalid, match=r"no file or folder|no picture|cannot be listed"):
        ids(tree / "a.jpg", f"{tree}/{missing}")


def test_a_folder_without_pictures_is_told(tree: Path) -> None:
    with pytest.raises(SourceInvalid, match=r"no picture in .*/x; of a folder only pictures count, not archives"):
        ids(tree / "x")


def test_links_that_lead_in_circles_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "again").symlink_to(tmp_path)
    assert ids(tmp_path) == [f"{tmp_path}/a.jpg"]


def test_folders_may_lie_deeper_than_the_stack() -> None:
    depth = 3 * sys.getrecursionlimit()

    class Deep(Stores):
        def look(self, place: Place) -> Entry | None:
            return Entry(place, is_folder=True)

        def entries(self, folder: Place) -> list[Entry]:
            if folder.path.count("/") < depth:
                return [Entry(folder.below("d"), is_folder=True)]
            return [Entry(folder.below("a.jpg"), is_folder=False)]

    (found,) = Sources(("top",), Columns(), Deep())
    assert found.id == "top/" + "d/" * depth + "a.jpg"


def test_a_listing_is_counted_as_it_goes_by(tree: Path) -> None:
    survey = Survey()
    listing = listed(tree, f"{tree}/x/*")
    assert list(survey.watch(listing)) == listing
    assert (survey.pictures, survey.archives, survey.archive_bytes) == (4, 2, 14)


@pytest.mark.parametrize(
    "other",
    [
        [],
        [Picture("a", Place("", "a"), 2)],
        [Picture("b", Place("", "b"), 1)],
        [Picture("a", Place("", "a"), 1), Picture("b", Place("", "b"), 1)],
        [Picture("a\n1", Place("", "a"), 1)],
    ],
)
def test_another_listing_has_another_digest(other: list[Found]) -> None:
    one, two, same = Survey(), Survey(), Survey()
    first = [Picture("a", Place("", "a"), 1)]
    for survey, listing in ((one, first), (two, other), (same, first)):
        list(survey.watch(listing))
    assert one.digest != two.digest
    assert one.digest == same.digest
