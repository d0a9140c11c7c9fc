"""``vultus bench memory``; but for one test, without processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from vultus.cli.bench import parse_sides
from vultus.errors import SettingsError
from vultus.evaluate import memory
from vultus.evaluate.memory import KILLED, Outcome
from vultus.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, int], int]]:
    """Size and limit of each trial; what has more pixels than the limit has bytes does not survive."""
    seen: list[tuple[tuple[int, int], int]] = []

    def decide(picture: Path, limit: int, settings: Settings, timeout: float) -> Outcome:
        assert settings.offline
        assert timeout == 120
        with Image.open(picture) as opened:
            size = opened.size
        seen.append((size, limit))
        if size[0] * size[1] > limit:
            return Outcome(KILLED, 3 * 2**20, reason="it took more memory than the limit")
        return Outcome(0, 2**20, 0.25, 1)

    monkeypatch.setattr(memory, "try_picture", decide)
    return seen


@pytest.mark.unit
def test_each_combination_has_a_line(run: Run, trials: list[tuple[tuple[int, int], int]]) -> None:
    result = run("bench", "memory", "--limits", "100k,1m", "--sizes", "320,640")
    assert result.exit_code == 1
    assert trials == [
        *(((320, 240), 102_400), ((640, 480), 102_400)),
        *(((320, 240), 1_048_576), ((640, 480), 1_048_576)),
    ]
    first, second, *others = result.stdout.splitlines()
    assert first == "[   OK   ]   100k      320 x 240      peak 1 MiB  made picture: 0.25 s, faces found: 1"
    assert second.startswith("[FAIL 137]   100k      640 x 480      peak 3 MiB  made picture: it took more")
    assert [line[:10] for line in others] == ["[   OK   ]"] * 2


@pytest.mark.unit
def test_json_has_the_same(run: Run, trials: list[tuple[tuple[int, int], int]]) -> None:
    result = run("bench", "memory", "--limits", "1m", "--sizes", "320", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "limit": "1m",
        "limit_bytes": 2**20,
        "path": "made picture",
        "width": 320,
        "height": 240,
        "survived": True,
        "code": 0,
        "peak_bytes": 2**20,
        "seconds": 0.25,
        "faces": 1,
        "reason": "",
    }


@pytest.mark.unit
def test_pictures_are_brought_to_each_size(run: Run, trials: list[tuple[tuple[int, int], int]], tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 50, 3), np.uint8)).save(tmp_path / "tall.png")
    result = run("bench", "memory", tmp_path / "tall.png", "--limits", "1g", "--sizes", "50,200")
    assert result.exit_code == 0, result.output
    assert [size for size, _ in trials] == [(25, 50), (100, 200)]
    assert str(tmp_path / "tall.png") in result.stdout


@pytest.mark.unit
@pytest.mark.parametrize("options", [("--limits", "some"), ("--sizes", "0"), ("--sizes", "wide"), ("--sizes", "")])
def test_wrong_usage(run: Run, options: tuple[str, ...]) -> None:
    result = run("bench", "memory", *options)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.unit
def test_a_picture_that_is_none(run: Run, tmp_path: Path) -> None:
    assert run("bench", "memory", tmp_path / "nothing.png").exit_code == 1


@pytest.mark.unit
def test_sides_are_whole_numbers_that_a_jpeg_can_have() -> None:
    assert parse_sides("640, 1920") == [640, 1920]
    with pytest.raises(SettingsError, match="65500"):
        parse_sides("70000")


@pytest.mark.integration
def test_a_real_trial(run: Run, one: Path) -> None:
    result = run("bench", "memory", one, "--limits", "1m,4g", "--sizes", "640", "--streams", "1")
    failed, survived = result.stdout.splitlines()
    assert failed.startswith("[FAIL 137]     1m      640 x 480")
    assert survived.startswith("[   OK   ]     4g      640 x 480")
    assert survived.endswith("faces found: 1")
