"""The closed loop in this process, against an engine that a clock of the test's own drives."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from vultus.bench.library import run, submitter
from vultus.bench.load import OK, Pace, Sample
from vultus.engine import FaceEngine
from vultus.errors import CorruptPicture
from vultus.settings import Settings
from vultus.types import Analysis

pytestmark = pytest.mark.unit

EMPTY = Analysis(1, 1, ())


class Engine:
    """Done with a picture after two seconds of its own clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.seen: list[bytes] = []

    def submit(self, content: bytes) -> Future[Analysis]:
        self.seen.append(content)
        self.now += 2
        future: Future[Analysis] = Future()
        future.set_result(EMPTY)
        return future


def test_pictures_go_round_until_time_is_up() -> None:
    engine = Engine()
    samples = run(engine.submit, [b"a", b"b"], Pace(1, None, seconds=5, warm_up=2, timeout=0), lambda: engine.now)
    assert engine.seen == [b"a", b"b", b"a", b"b"]
    assert samples == [Sample(due, due + 2, OK) for due in (0, 2, 4, 6)]


def test_so_many_are_under_way_at_a_time() -> None:
    under_way: list[Future[Analysis]] = []
    most = 0
    now = 0.0

    def submit(content: bytes) -> Future[Analysis]:
        nonlocal most, now
        now += 1
        future: Future[Analysis] = Future()
        under_way.append(future)
        most = max(most, len(under_way))
        if len(under_way) == 3 or now >= 10:
            while under_way:
                under_way.pop().set_result(EMPTY)
        return future

    samples = run(submit, [b"a"], Pace(3, None, seconds=10, warm_up=0, timeout=0), lambda: now)
    assert most == 3
    assert len(samples) == 10


def test_a_picture_that_cannot_be_used_ends_it() -> None:
    with FaceEngine(Settings(runtime="dummy", streams=1)) as engine, pytest.raises(CorruptPicture):
        run(submitter(engine), [b"\xff\xd8\xff\xe0 and no more"], Pace(2, None, 60, 0, 0))
