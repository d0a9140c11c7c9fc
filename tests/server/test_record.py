from __future__ import annotations

import threading

import numpy as np
import pytest

from vultus.errors import CorruptPicture
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.server.record import Walked, current, note, recorded
from vultus.types import Analysis, Face

pytestmark = pytest.mark.unit

FACE = Face(np.zeros(4, np.float32), 1.0)
ONE = Analysis(1, 1, (FACE,), seconds={"decode": 0.25, "detect": 0.5}, began=1000.0)
TWO = Analysis(1, 1, (FACE, FACE), seconds={"decode": 0.5}, began=2000.0)


def test_without_a_request_there_is_no_record_and_nothing_to_note_in() -> None:
    assert current() is None
    note([ONE])
    assert current() is None


def test_pictures_and_faces_are_counted_once_and_every_walk_is_kept() -> None:
    with recorded("r-1") as record:
        note([ONE, CorruptPicture("no"), TWO])
        note([ONE, CorruptPicture("no"), TWO], again=True)
        assert current() is record
    assert current() is None
    assert (record.request_id, record.pictures, record.faces) == ("r-1", 3, 3)
    assert record.walks == 2 * [Walked(0, 1000.0, ONE.seconds), Walked(2, 2000.0, TWO.seconds)]


def test_workers_find_the_record_of_the_ticket_whose_work_they_do() -> None:
    """Also where somebody else's thread hands it in, and where several work for one request at once."""
    workers = Workers(2)
    meet = threading.Barrier(2, timeout=30)

    def who() -> str | None:
        meet.wait()
        about = current()
        return about.request_id if about else None

    try:
        with recorded("mine"):
            mine = Ticket()
        with recorded("theirs"):
            theirs = Ticket()
            ids = [workers.submit_for(ticket, who) for ticket in (mine, mine, theirs, Ticket())]
        assert [future.result(30) for future in ids] == ["mine", "mine", "theirs", "theirs"]
        heard: list[str | None] = []
        done = workers.submit_for(mine, lambda: None)
        again = workers.submit_for(mine, lambda: heard.append(getattr(current(), "request_id", None)))
        done.result(30), again.result(30)
        assert heard == ["mine"]
    finally:
        workers.close()
