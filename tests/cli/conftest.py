"""What the tests of the command line share: the program without weights, and pictures it finds faces in.

The dummy detector finds one face in every 32 x 32 cell of its 640 x 640 canvas whose centre is brighter than 200;
pictures of 640 x 480 are not scaled, so a white square over one cell is one face, and its box is the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from vultus.cli.app import app


@pytest.fixture
def dummy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings of the dummy engine and nothing else, in a folder of its own."""
    monkeypatch.setenv("VULTUS_RUNTIME", "dummy")
    monkeypatch.setenv("VULTUS_OFFLINE", "true")
    monkeypatch.setenv("VULTUS_STREAMS", "2")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(dummy: None) -> Callable[..., Result]:
    """Run the program on arguments, with standard input where given."""

    def invoke(*arguments: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return invoke


def picture(
    path: Path, cells: Sequence[tuple[int, int]], *, size: tuple[int, int] = (640, 480), value: int = 255
) -> Path:
    """Write a black picture of ``size`` (width, height) with a bright square over each of the cells (column, row)."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    for column, row in cells:
        pixels[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def make_picture(tmp_path: Path) -> Callable[..., Path]:
    """Write a picture of a name; see ``picture``."""
    return lambda name, cells, **more: picture(tmp_path / name, cells, **more)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A picture of one face, in the box 96, 64, 128, 96."""
    return picture(tmp_path / "one.png", [(3, 2)])


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A picture of two faces."""
    return picture(tmp_path / "two.png", [(3, 2), (10, 10)])


@pytest.fixture
def none(tmp_path: Path) -> Path:
    """A picture without a face."""
    return picture(tmp_path / "none.png", [])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A PNG cut off in the middle."""
    whole = picture(tmp_path / "whole.png", [(3, 2)])
    path = tmp_path / "broken.png"
    path.write_bytes(whole.read_bytes()[:60])
    whole.unlink()
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder: two pictures, a broken one, a text, a hidden picture, and a folder with one more picture."""
    folder = tmp_path / "album"
    picture(folder / "a.png", [(3, 2)])
    (folder / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    picture(folder / "c.PNG", [(1, 1), (5, 5)])
    picture(folder / ".hidden.png", [(1, 1)])
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    picture(folder / "inner" / "d.png", [(7, 7)])
    return folder
