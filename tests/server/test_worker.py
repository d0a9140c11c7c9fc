"""What a worker tells of itself; that it serves and ends is in ``test_supervisor.py``."""

from __future__ import annotations

import threading
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from vultus.errors import NotReady, SelfCheckFailed
from vultus.server.service import Service
from vultus.server.worker import Beat, Order, _await_leave, _state_of, tell
from vultus.settings import Settings

pytestmark = pytest.mark.unit


def service(error: Exception | None) -> Service:
    """One whose canary raises this."""

    def check() -> None:
        if error:
            raise error

    return cast("Service", SimpleNamespace(canary=SimpleNamespace(check=check)))


@pytest.mark.parametrize(
    ("error", "beat"),
    [
        (None, Beat(ready=True, lost=None)),
        (NotReady("it is starting"), Beat(ready=False, lost=None)),
        (SelfCheckFailed("no flight came back"), Beat(ready=True, lost="no flight came back")),
    ],
)
def test_a_beat_tells_what_the_canary_knows(error: Exception | None, beat: Beat) -> None:
    assert _state_of(service(error)) == beat


def test_those_who_live_side_by_side_have_names_of_their_own() -> None:
    orders = [Order(Settings(), index, copy, Path(), is_first=True) for index in (0, 11) for copy in (0, 1)]
    assert len({order.identity for order in orders}) == 4
    assert not any("_" in order.identity for order in orders)  # it is part of the names of prometheus-client's files
    assert {order.name for order in orders} == {"worker 1", "worker 12"}


@pytest.mark.parametrize("told", [True, False])
def test_a_worker_leaves_when_told_to_or_when_nobody_could_tell(told: bool) -> None:
    ours, theirs = Pipe()
    left = threading.Event()
    thread = threading.Thread(target=_await_leave, args=(theirs, left.set))
    thread.start()
    with theirs:
        with ours:
            assert not left.is_set()
            if told:
                ours.send(None)
        assert left.wait(10)
        thread.join()


def test_a_report_to_nobody_is_no_error() -> None:
    ours, theirs = Pipe()
    ours.close()
    with theirs:
        tell(theirs, Beat(ready=True, lost=None))
