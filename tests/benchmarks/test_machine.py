"""What results say about where they come from."""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks import machine

pytestmark = pytest.mark.unit


def test_the_machine_is_described() -> None:
    found = machine.describe()
    assert found["cores"] >= 1
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["cpu"]


def test_versions_are_those_installed() -> None:
    assert machine.versions()["openvino"] == metadata.version("openvino")


def test_a_network_is_named_by_the_hash_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(b"weights")
    monkeypatch.setenv("VULTUS_MODEL_PATH", str(tmp_path))
    assert machine.model_hash("net") == hashlib.sha256(b"weights").hexdigest()
