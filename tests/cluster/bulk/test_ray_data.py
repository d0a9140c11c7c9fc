"""On a real cluster of two nodes: the same rows, also if one of them is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.bulk.conftest import BROKEN, rows, tar, wait_for

from benchmarks.ray_cluster import Cluster
from vultus.cluster.bulk.run import PARTS

pytestmark = pytest.mark.integration

PATIENCE = 240.0  # seconds; a busy machine takes far longer than the dozen it needs alone


@pytest.fixture
def library(tmp_path: Path, faces: Callable[[int], bytes]) -> list[str]:
    """A folder of 60 pictures, some broken, and an archive of 20."""
    contents = [BROKEN if number % 11 == 3 else faces(number % 5) for number in range(80)]
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03}.png").write_bytes(contents[number])
    return ["library", str(tar(tmp_path / "more.tar", {f"{n:03}.png": contents[n] for n in range(60, 80)}))]


def start(cluster: Cluster, folder: Path, sources: list[str], out: str, *options: str) -> subprocess.Popen[bytes]:
    environment = cluster.environment | {"VULTUS_RUNTIME": "dummy", "VULTUS_CANVAS": "128"}
    command = [sys.executable, "-m", "vultus", "index", *sources, "--out", out, "--part-size", "4", "--json", *options]
    return subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    manifest: dict[str, Any] = json.loads(said)
    return manifest


def test_a_cluster_writes_the_same_parts(cluster: Cluster, tmp_path: Path, library: list[str]) -> None:
    expected = finish(start(cluster, tmp_path, library, "alone"))
    made = finish(start(cluster, tmp_path, library, "out", "--ray", cluster.address))
    assert made == expected
    assert rows(tmp_path / "out") == rows(tmp_path / "alone")
    for part in (tmp_path / "alone" / PARTS).iterdir():
        assert (tmp_path / "out" / PARTS / part.name).read_bytes() == part.read_bytes()


def test_what_goes_wrong_on_a_node_is_told_as_such(cluster: Cluster, tmp_path: Path, library: list[str]) -> None:
    process = start(cluster, tmp_path, library, "out", "--ray", cluster.address)
    wait_for(process, (tmp_path / "out" / "manifest.json").exists)
    (tmp_path / "out" / PARTS).rmdir()  # an engine takes longer to start on a node than this
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert json.loads(errors.splitlines()[-1])["error"]["code"] == "output_unwritable"


@pytest.mark.skipif(sys.platform != "linux" or find_spec("ray") is None, reason="needs Linux, and the extra `ray`")
def test_the_units_of_a_lost_node_are_done_by_the_other(tmp_path: Path, library: list[str]) -> None:
    with Cluster(1) as cluster:
        expected = finish(start(cluster, tmp_path, library, "alone"))
        process = start(cluster, tmp_path, library * 10, "out", "--ray", cluster.address)
        wait_for(process, lambda: bool(list((tmp_path / "out" / PARTS).glob("*.parquet"))))
        cluster.nodes[1].kill()
        made = finish(process)
    assert made["counts"]["pictures"] == 10 * expected["counts"]["pictures"]
    assert rows(tmp_path / "out") == rows(tmp_path / "alone") * 10
