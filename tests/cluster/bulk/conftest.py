"""What the tests of indexing share: pictures the dummy engine finds faces in, and indexes of them."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from vultus.cluster.bulk.run import PARTS, Request, run
from vultus.cluster.bulk.sources import Survey
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Shard
from vultus.imaging.encode import encode_png
from vultus.settings import load_settings
from vultus.types import Plan

_PATIENCE = 120.0  # seconds; a busy machine takes far longer than the few it needs alone

BROKEN = b"\xff\xd8\xff\xe0 and no more"


@dataclass
class Heard:
    """Who watches an index in a test."""

    survey: Survey | None = None
    before: Tally | None = None
    tally: Tally = field(default_factory=Tally)
    on_tell: Callable[[Tally], None] = lambda _: None

    def begin(self, survey: Survey, shard: Shard, done: Tally) -> None:
        self.survey, self.before = survey, done

    def tell(self, done: Tally) -> None:
        self.tally += done
        self.on_tell(self.tally)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="session")
def faces() -> Callable[[int], bytes]:
    """Makes a picture of 128 x 128 with so many faces, at most 16, on a canvas of that size: see ``runtime.dummy``."""

    def draw(count: int) -> bytes:
        pixels = np.zeros((128, 128, 3), np.uint8)
        for number in range(count):
            row, column = number // 4 * 32, number % 4 * 32
            pixels[row : row + 32, column : column + 32] = (210 + 10 * (number % 5), 255, 230)
        return encode_png(pixels)

    return draw


@pytest.fixture
def album(tmp_path: Path, faces: Callable[[int], bytes]) -> Path:
    """A folder of 23 pictures with 0 to 3 faces each, in two folders; every seventh is broken."""
    folder = tmp_path / "album"
    for number in range(23):
        path = folder / ("first" if number < 9 else "second") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BROKEN if number % 7 == 6 else faces(number % 4))
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder


@pytest.fixture
def make_index(tmp_path: Path, heard: Heard) -> Callable[..., dict[str, Any]]:
    """Index sources into a folder of ``tmp_path``; keyword arguments are the request's, ``settings`` the settings'."""

    def make(*sources: object, out: str = "out", settings: Mapping[str, Any] | None = None, **given: Any) -> Any:
        request = Request(
            **{
                "sources": tuple(map(str, sources)),
                "folder": tmp_path / out,
                "plan": Plan(),
                "shard": Shard(),
                "part_size": 5,
                "readers": 3,
                "processes": 1,
                **given,
            }
        )
        base = {"runtime": "dummy", "streams": 2, "offline": True, "fetch_urls": True, "canvas": 128}
        return run(load_settings(**{**base, **(settings or {})}), request, heard)

    return make


def rows(folder: Path) -> list[dict[str, Any]]:
    """All rows of an index, part by part."""
    parts = sorted((folder / PARTS).glob("*.parquet"))
    return [row for part in parts for row in parquet.read_table(part).to_pylist()]


def tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    """Write an archive."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return path


def wait_for(process: subprocess.Popen[bytes], holds: Callable[[], bool]) -> None:
    """Return when something holds, looking often; the process must not end before."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
            raise AssertionError(process.communicate())
