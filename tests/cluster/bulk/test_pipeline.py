"""One process's share: order, ends of parts, memory, and what is no picture's fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.bulk.conftest import Heard, rows, tar

from vultus.cluster.bulk import ahead, pipeline
from vultus.cluster.bulk.ahead import Ahead
from vultus.cluster.bulk.behind import Behind
from vultus.cluster.bulk.pipeline import End, steps
from vultus.cluster.bulk.reading import Job, Reader
from vultus.cluster.bulk.sources import Archive, Picture
from vultus.cluster.bulk.stores import Place, Stores
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Part, Shard, Unit
from vultus.engine import FaceEngine
from vultus.errors import NotReady, OutOfMemory
from vultus.settings import load_settings

pytestmark = pytest.mark.integration


class Order:
    """As much of an order as steps look at."""

    shard = Shard()
    part_size = 3


def told(unit: Unit) -> list[object]:
    with Reader(load_settings(), Stores()) as reader:
        return [step.id if isinstance(step, Job) else step for step in steps([unit], reader, Order())]  # type: ignore[arg-type]


def test_a_block_is_its_pictures_and_an_end() -> None:
    block = tuple(Picture(name, Place("", name)) for name in "ab")
    assert told(Unit(4, block)) == ["a", "b", End(Part(4, 0), is_last=True)]


def archive(tmp_path: Path, count: int) -> Archive:
    path = tar(tmp_path / "t.tar", {f"{number}.jpg": b"x" for number in range(count)})
    return Archive("t", Place("", str(path)), 99)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 7])
def test_an_archive_is_cut_into_parts_of_which_the_last_says_so(tmp_path: Path, count: int) -> None:
    found = told(Unit(0, archive(tmp_path, count)))
    ends = [step for step in found if isinstance(step, End)]
    assert [end.part.chunk for end in ends] == list(range(max(1, -(-count // 3))))
    assert [end.is_last for end in ends] == [False] * (len(ends) - 1) + [True]
    assert ends[-1].archive == Tally(archived=count, archive_bytes=99)
    assert [step for step in found if isinstance(step, str)] == [f"t/{number}.jpg" for number in range(count)]


@pytest.mark.parametrize("done", [{0}, {1}, {0, 1}, {2}])
def test_chunks_that_are_done_come_no_more(tmp_path: Path, done: set[int]) -> None:
    found = told(Unit(0, archive(tmp_path, 7), frozenset(done)))
    assert {step.part.chunk for step in found if isinstance(step, End)} == {0, 1, 2} - done
    pictures = [f"t/{number}.jpg" for number in range(7) if number // 3 not in done]
    assert [step for step in found if isinstance(step, str)] == pictures


def test_errors_of_the_engine_end_it_and_those_of_memory_do_not(
    album: Path, tmp_path: Path, make_index: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FaceEngine.submit
    errors: Iterator[Exception] = iter([OutOfMemory("memory ran out"), NotReady("the engine is gone")])
    taken = threading.Lock()

    def submit(self: FaceEngine, *given: Any) -> Any:
        future = real(self, *given)
        with taken:
            error = next(errors, None)
        if error is not None:
            future.exception()
            future._exception = error  # what a worker would have set
        return future

    monkeypatch.setattr(FaceEngine, "submit", submit)
    with pytest.raises(NotReady):
        make_index(album, readers=1)
    made = make_index(album)
    assert made["counts"]["pictures"] == 23


def test_memory_that_ran_out_is_a_row(
    album: Path, tmp_path: Path, make_index: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(self: Reader, place: Place) -> bytes:
        if place.path.endswith("/10.png"):
            raise OutOfMemory("memory ran out")
        return real(self, place)

    real = Reader.load
    monkeypatch.setattr(Reader, "load", load)
    made = make_index(album)
    assert made["counts"]["errors"] == {"out_of_memory": 1, "picture_corrupt": 3}
    assert [row["picture"][-6:] for row in rows(tmp_path / "out") if row["error"] == "out_of_memory"] == ["10.png"]


def test_no_more_bytes_wait_than_are_allowed(
    album: Path, tmp_path: Path, make_index: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = []
    real = Ahead._hold

    def hold(self: Ahead, size: int) -> None:
        real(self, size)
        most.append(self._held)

    monkeypatch.setattr(Ahead, "_hold", hold)
    monkeypatch.setattr(ahead, "MOST_BYTES", 1)
    largest = max(path.stat().st_size for path in album.rglob("*.png"))
    packed = {path.name: path.read_bytes() for path in album.rglob("*.png")}
    make_index(album, tar(tmp_path / "t.tar", packed), album, readers=2)
    assert 0 < max(most) <= 4 * largest  # what two readers and the archive had in hand comes on top
    assert most[-1] == 0


def test_rows_are_written_before_a_part_is_full(
    album: Path, make_index: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    batches = []
    real = Behind.write

    def write(self: Behind, batch: Any) -> None:
        batches.append(batch.num_rows)
        real(self, batch)

    monkeypatch.setattr(Behind, "write", write)
    monkeypatch.setattr(pipeline, "ROWS", 4)
    made = make_index(album, part_size=1000)
    assert made["parts"] == 1
    assert len(batches) > 4
    assert max(batches) < 4 + 3  # a picture has at most three faces
