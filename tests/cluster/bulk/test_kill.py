"""The real program, killed at random points and run again: exactly the rows of a run that nothing disturbed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cluster.bulk.conftest import BROKEN, rows, tar, wait_for

from vultus.cluster.bulk.run import PARTS

pytestmark = [pytest.mark.integration, pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")]

PART = 8
PATIENCE = 60.0  # seconds


@pytest.fixture
def library(tmp_path: Path, faces: Callable[[int], bytes]) -> list[str]:
    """A folder of 300 pictures and an archive of 100, one in eleven broken."""
    contents = [BROKEN if number % 11 == 3 else faces(number % 5) for number in range(400)]
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}.png").write_bytes(contents[number])
    archive = tar(tmp_path / "more.tar", {f"{number:03}.png": contents[number] for number in range(300, 400)})
    return [str(folder), str(archive)]


def start(sources: list[str], out: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"VULTUS_RUNTIME": "dummy", "VULTUS_CANVAS": "128", "VULTUS_STREAMS": "1"}
    command = [sys.executable, "-m", "vultus", "index", *sources, "--out", str(out), "--part-size", str(PART), "--json"]
    return subprocess.Popen([*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def parts(out: Path) -> int:
    return len(list((out / PARTS).glob("*.parquet")))


def kill_at(process: subprocess.Popen[bytes], out: Path, count: int) -> None:
    """Kill it when so many parts are there and the next one has been begun."""
    wait_for(process, lambda: parts(out) >= count and bool(list((out / PARTS).glob(".writing-*"))))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(process: subprocess.Popen[bytes]) -> dict[str, object]:
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    manifest: dict[str, object] = json.loads(said)
    return manifest


@pytest.mark.parametrize(("options", "seed"), [((), 1), (("--processes", "2"), 2)])
def test_after_three_kills_the_rows_are_those_of_an_undisturbed_run(
    tmp_path: Path, library: list[str], options: tuple[str, ...], seed: int
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    expected = finish(start(library, whole))
    chance = random.Random(seed)
    for _ in range(3):
        kill_at(start(library, out, *options), out, parts(out) + chance.randrange(12))
    done = parts(out)
    assert done < 51
    made = finish(start(library, out, *options))
    assert rows(out) == rows(whole)
    assert made == expected
    assert made["counts"]["pictures"] == 400  # type: ignore[index]
    assert {path.name for path in (out / PARTS).iterdir()} == {path.name for path in (whole / PARTS).iterdir()}
    for part in (out / PARTS).iterdir():
        assert part.read_bytes() == (whole / PARTS / part.name).read_bytes()


def test_an_interruption_is_no_failure_and_can_be_gone_on_from(tmp_path: Path, library: list[str]) -> None:
    out = tmp_path / "out"
    process = start(library, out)
    wait_for(process, lambda: parts(out) >= 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert not list((out / PARTS).glob(".writing-*"))
    assert finish(start(library, out))["complete"] is True
