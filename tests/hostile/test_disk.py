"""No upload needs a disk that can be written to."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import os, sys
from benchmarks.hostile.endpoints import endpoints, form, good, FORM

def refuse(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and arguments[0] != os.devnull:
        print("WRITES", arguments, flush=True)
        raise OSError(30, "read-only file system")

from starlette.testclient import TestClient
from vultus.server.app import create_app
from vultus.settings import Settings

with TestClient(create_app(Settings(runtime="dummy", streams=1, canvas=320))) as client:
    while client.get("/ready").status_code != 200:
        pass
    sys.addaudithook(refuse)
    for endpoint in endpoints():
        headers = {"content-type": endpoint.content_type}
        answer = client.post(endpoint.path, content=endpoint.wrap(good()), headers=headers)
        assert answer.status_code in {200, 400, 422}, (endpoint.name, answer.status_code)
    large = form(("file", good()), ("file", bytes(19 * 2**20)), ("file", bytes(19 * 2**20)))
    answer = client.post("/v1/faces", content=large, headers={"content-type": FORM})
    assert len(answer.json()["pictures"]) == 3, answer.text
print("done")
"""


def test_no_request_opens_a_file_for_writing(tmp_path: Path) -> None:
    """In a folder that is read-only, with no folder for temporary files; the audit hook sees what root may still do."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    root = Path(__file__).resolve().parents[2]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VULTUS_")},
        "PYTHONPATH": os.pathsep.join((str(root), str(root / "src"))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path / "nowhere"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done"]
