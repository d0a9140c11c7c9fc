"""The pipe to the reference implementation, without the reference implementation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.reference_client import NETWORKS, Reference

pytestmark = pytest.mark.unit

SPEAKS = """#!{python}
import json, os, sys
folder = sys.argv[2]
files = sorted(os.listdir(folder + "/models/reference"))
print(json.dumps({{"versions": {{"insightface": "0", "files": str(len(files))}}}}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps({{"seconds": [float(order["runs"])], "faces": 1}}), flush=True)
"""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reference's interpreter is to be put; empty network files are beside it."""
    for name in NETWORKS:
        (tmp_path / name).touch()
    monkeypatch.setenv("VULTUS_MODEL_PATH", str(tmp_path))
    monkeypatch.setenv("VULTUS_REFERENCE_PYTHON", str(tmp_path / "python"))
    return tmp_path / "python"


def install(python: Path, script: str) -> None:
    python.write_text(script)
    python.chmod(0o755)


def test_it_is_given_the_networks_and_asked_line_by_line(python: Path) -> None:
    install(python, SPEAKS.format(python=sys.executable))
    with Reference() as reference:
        assert reference.versions == {"insightface": "0", "files": str(len(NETWORKS))}
        assert reference.time(Path("a.jpg"), 3) == [3.0]
        assert reference.time(Path("a.jpg"), 5) == [5.0]


def test_a_reference_that_cannot_start_is_an_error_and_leaves_nothing_open(python: Path) -> None:
    install(python, "#!/bin/sh\nexit 7\n")
    with pytest.raises(RuntimeError, match="status 7"):
        Reference()
