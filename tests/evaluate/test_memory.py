"""Memory trials: processes that live or are ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import RuntimeUnavailable, SettingsError
from vultus.evaluate import memory
from vultus.evaluate.memory import KILLED, TIMED_OUT, Outcome, made_picture, parse_size, scaled, try_picture
from vultus.settings import Settings

MIB = 2**20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(runtime="dummy", offline=True, streams=1, model_cache=tmp_path)


@pytest.fixture
def picture(tmp_path: Path, squares: Callable[..., bytes]) -> Path:
    """A picture of two of the dummy's faces."""
    path = tmp_path / "two.png"
    path.write_bytes(squares((1, 1), (8, 8)))
    return path


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512m", 512 * MIB),
        ("1g", 1024 * MIB),
        ("1.5G", 1536 * MIB),
        (" 64k ", 65536),
        ("20MiB", 20 * MIB),
        ("500MB", 500_000_000),
        ("1000000", 1_000_000),
    ],
)
def test_sizes_as_containers_and_settings_have_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.unit
@pytest.mark.parametrize("text", ["", "m", "much", "-1m", "0", "512x"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="limits"):
        parse_size(text)


@pytest.mark.unit
def test_a_made_picture_has_its_size_and_detail_everywhere() -> None:
    pixels = made_picture(640)
    assert pixels.shape == (480, 640, 3)
    tiles = pixels.reshape(6, 80, 8, 80, 3)
    assert (tiles.std(axis=(1, 3)) > 1).all()
    assert made_picture(1).shape == (1, 1, 3)


@pytest.mark.unit
@pytest.mark.parametrize(("longest", "shape"), [(50, (25, 50)), (400, (200, 400))])
def test_pictures_are_brought_to_a_size_with_their_aspect(longest: int, shape: tuple[int, int]) -> None:
    assert scaled(np.zeros((100, 200, 3), np.uint8), longest).shape[:2] == shape


@pytest.mark.unit
def test_where_memory_cannot_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "peak_memory", lambda pid: None)
    with pytest.raises(RuntimeUnavailable, match="Linux"):
        memory.check_platform()


@pytest.mark.integration
def test_a_picture_survives_a_generous_limit(picture: Path, settings: Settings) -> None:
    outcome = try_picture(picture, 4096 * MIB, settings, timeout=120)
    assert (outcome.code, outcome.faces, outcome.reason) == (0, 2, "")
    assert outcome.seconds is not None
    assert outcome.seconds > 0
    assert 10 * MIB < outcome.peak_bytes < 4096 * MIB  # an interpreter with NumPy and OpenCV


@pytest.mark.integration
def test_what_exceeds_its_limit_is_killed(picture: Path, settings: Settings) -> None:
    outcome = try_picture(picture, MIB, settings, timeout=120)
    assert outcome == Outcome(KILLED, outcome.peak_bytes, reason="it took more memory than the limit")
    assert outcome.peak_bytes > MIB
    assert KILLED == 137


@pytest.mark.integration
def test_what_takes_too_long_is_ended(picture: Path, settings: Settings) -> None:
    outcome = try_picture(picture, 4096 * MIB, settings, timeout=0)
    assert (outcome.code, outcome.seconds, outcome.reason) == (TIMED_OUT, None, "it took too long")


@pytest.mark.integration
def test_a_picture_that_cannot_be_used_says_why(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    outcome = try_picture(tmp_path / "no.jpg", 4096 * MIB, settings, timeout=120)
    assert outcome.code == 1
    assert outcome.reason.startswith("UnsupportedFormat: ")
