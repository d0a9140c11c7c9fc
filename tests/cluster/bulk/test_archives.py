"""Archives: what is in them, and that none of them can do harm or lose something unnoticed."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.bulk.conftest import tar

from vultus.cluster.bulk.archives import MAX_DESCRIPTION, members
from vultus.errors import CorruptArchive, PictureUnreachable

pytestmark = pytest.mark.unit

LIMIT = 10_000
THREE = {"a.jpg": b"a" * 700, "deep/b.png": b"b" * 3000, "c.webp": b""}


def contents(data: bytes, limit: int = LIMIT) -> dict[str, bytes]:
    return {name: read() for name, read in members(io.BytesIO(data), limit)}


def packed(tmp_path: Path, pictures: Mapping[str, bytes], mode: str = "w") -> bytes:
    return tar(tmp_path / "packed", pictures, mode).read_bytes()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_pictures_come_as_they_went_in(tmp_path: Path, mode: str) -> None:
    assert contents(packed(tmp_path, THREE, mode)) == THREE


def test_what_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    data = packed(tmp_path, {"0001.jpg": b"1", "0001.json": b"{}", "0001.cls": b"7", "x/._0002.jpg": b"fork"})
    assert contents(data) == {"0001.jpg": b"1"}


def test_a_picture_that_is_not_wanted_need_not_be_read(tmp_path: Path) -> None:
    names = [name for name, _ in members(io.BytesIO(packed(tmp_path, THREE)), LIMIT)]
    assert names == list(THREE)


def test_of_a_large_picture_no_more_is_read_than_tells_that_it_is(tmp_path: Path) -> None:
    assert contents(packed(tmp_path, {"a.jpg": bytes(5000)}), limit=100) == {"a.jpg": bytes(101)}


def test_names_that_lead_out_of_the_archive_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    monkeypatch.chdir(folder)
    hostile = {"../../up.jpg": b"1", "/etc/absolute.jpg": b"2", "C:\\root.jpg": b"3"}
    data = packed(tmp_path, hostile)
    assert contents(data) == hostile
    assert not list(folder.iterdir())
    assert not (tmp_path / "up.jpg").exists()


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("s.jpg", tarfile.SYMTYPE), ("h.jpg", tarfile.LNKTYPE), ("f.jpg", tarfile.FIFOTYPE)):
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            archive.addfile(header)
    assert contents(path.read_bytes()) == {}


def test_names_that_are_no_text_can_still_be_stored(tmp_path: Path) -> None:
    (name,) = contents(packed(tmp_path, {"\udcff.jpg": b"1"}))
    assert name.encode() == "\N{REPLACEMENT CHARACTER}.jpg".encode()


@given(cut=st.integers(0, 10239) | st.sampled_from([512, 1024, 5632, 5633, 6143, 6144]))
def test_an_archive_that_was_cut_off_gives_what_came_before_and_an_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    whole = packed(tmp_path_factory.getbasetemp(), THREE)
    assert len(whole) == 10240  # as tar pads them
    # Three headers with 700, 3000 and 0 bytes in blocks of 512 end at 5632; two empty blocks say that it is the end.
    found = {}
    try:
        for name, read in members(io.BytesIO(whole[:cut]), LIMIT):
            found[name] = read()
    except CorruptArchive:
        assert cut < 5632 + 512
    else:
        assert cut >= 5632 + 512
        assert found == THREE
    assert list(found.items()) == list(THREE.items())[: len(found)]


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path, THREE))
    data[512 + 1024 + 10] ^= 0xFF  # within the second header, whose checksum then is wrong
    there = members(io.BytesIO(bytes(data)), LIMIT)
    name, read = next(there)
    assert (name, read()) == ("a.jpg", THREE["a.jpg"])
    with pytest.raises(CorruptArchive, match="damaged"):
        next(there)


@pytest.mark.parametrize("junk", [b"", b"no archive at all", b"\x1f\x8b\x08 no gzip", b"BZh9 no bzip2", bytes(100)])
def test_what_is_no_archive_is_an_error(junk: bytes) -> None:
    with pytest.raises(CorruptArchive):
        contents(junk)


def test_a_damaged_stream_is_an_error(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path, THREE, "w:gz"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(CorruptArchive):
        contents(bytes(data))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_description_that_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("bomb")
    header.type, header.size = kind, 64 * MAX_DESCRIPTION
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(header, io.BytesIO(bytes(header.size)))
    data = path.read_bytes()
    tracemalloc.start()
    with pytest.raises(CorruptArchive, match="describes a member"):
        contents(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MAX_DESCRIPTION


def test_an_archive_that_can_be_read_no_further_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 1024:
                raise OSError("connection reset")
            return super().read(min(size or 512, 512))

    there = members(Torn(packed(tmp_path, {"a.jpg": bytes(20_000)})), 2 * LIMIT)
    with pytest.raises(PictureUnreachable, match="connection reset"):
        next(there)[1]()


def test_many_members_are_not_kept(tmp_path: Path) -> None:
    data = packed(tmp_path, {f"{number}.jpg": b"" for number in range(3000)})
    tracemalloc.start()
    assert sum(1 for _ in members(io.BytesIO(data), LIMIT)) == 3000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400_000  # 3,000 headers would be above 2 MB
