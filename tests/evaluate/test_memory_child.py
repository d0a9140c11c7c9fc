"""The process of a memory trial, run in this one."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vultus.evaluate import memory_child
from vultus.settings import Settings

pytestmark = pytest.mark.unit

Run = Callable[[Path], tuple[int, dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Give the child a picture; its exit code and answer."""
    settings = Settings(runtime="dummy", offline=True, streams=1, model_cache=tmp_path).model_dump(mode="json")

    def ask(picture: Path) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"picture": str(picture), "settings": settings})))
        code = memory_child.main()
        return code, json.loads(capsys.readouterr().out)

    return ask


def test_it_finds_and_embeds(run: Run, tmp_path: Path, squares: Callable[..., bytes]) -> None:
    (tmp_path / "one.png").write_bytes(squares((3, 3)))
    code, told = run(tmp_path / "one.png")
    assert (code, told["faces"]) == (0, 1)
    assert told["seconds"] > 0
    assert told["peak_bytes"] > 0


def test_it_tells_why_it_failed_in_one_line(run: Run, tmp_path: Path) -> None:
    code, told = run(tmp_path / "nothing.png")
    assert code == 1
    assert told["reason"].startswith("PictureUnreachable: ")
    assert "\n" not in told["reason"]


def test_refused_memory_is_a_reason_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(memory_child, "_analyse", refuse)
    assert run(tmp_path)[1]["reason"] == "MemoryError"


def test_the_peak_is_at_least_what_is_held() -> None:
    held = np.ones(40 * 2**20, np.uint8)
    peak = memory_child.peak_memory(os.getpid())
    assert peak is not None
    assert peak > held.nbytes


def test_nothing_is_told_of_the_dead() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    assert memory_child.peak_memory(child) is None
