"""Several processes that need the same network at once."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

CONTENT = bytes(range(256)) * 4000  # 1 MB: many chunks


def test_processes_that_start_at_once_fetch_once(server: Any, cache: Path, tmp_path: Path) -> None:
    server.files["net.onnx"] = CONTENT
    catalogue = tmp_path / "mine.toml"
    catalogue.write_text(
        f"""[models.net]
        task = "detection"
        family = "scrfd"
        sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"
        size = {len(CONTENT)}
        licence = "MIT"
        source_project = "https://example.org"
        input = {{ width = 640, height = 640 }}
        sources = [{{ url = "{server.url("net.onnx")}" }}]
        """
    )
    script = (
        "import sys, pathlib; from vultus.zoo.catalogue import Catalogue; from vultus.zoo.store import Store;"
        "catalogue = Catalogue.load([pathlib.Path(sys.argv[1])]);"
        "print(Store(pathlib.Path(sys.argv[2])).path(catalogue.model('net')))"
    )
    command = [sys.executable, "-c", script, str(catalogue), str(cache)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    answers = [process.communicate()[0].strip() for process in processes]

    assert answers == [str(cache / "net.onnx")] * 3
    assert (cache / "net.onnx").read_bytes() == CONTENT
    assert len(server.asked) == 1
