from __future__ import annotations

import threading

import pytest

from vultus.errors import HashMismatch
from vultus.runtime.triton import keeper as module
from vultus.runtime.triton.keeper import SILENCE, Keeper
from vultus.runtime.triton.protocol import Late, Lost

pytestmark = pytest.mark.unit

PATIENCE = 10.0


class Watched:
    """A server that is as it is told, and what is said of it."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.now = 1000.0
        self.said: list[str | None] = []
        self.looked = threading.Semaphore(0)
        self.keeper = Keeper(self.check, self.said.append, lambda: self.said.append(None), lambda: self.now)

    def check(self) -> None:
        self.looked.release()
        if self.error:
            raise self.error

    def look(self, error: Exception | None) -> str | None:
        self.error = error
        self.keeper.look()
        return self.keeper.absence


def test_a_server_that_does_not_answer_is_lost_once_and_found_once() -> None:
    watched = Watched()
    assert watched.look(None) is None
    lost = watched.look(Lost("connection refused at 10.1.2.3"))
    assert lost is not None
    assert "10.1.2.3" not in lost  # clients need not know where it is
    assert watched.look(Lost("connection refused")) == lost
    assert watched.look(None) is None
    assert watched.look(None) is None
    assert watched.said == [lost, None]


def test_one_that_comes_back_with_other_networks_stays_lost_for_another_reason() -> None:
    watched = Watched()
    gone = watched.look(Lost("connection refused"))
    changed = watched.look(HashMismatch("another file"))
    assert changed is not None
    assert changed != gone
    assert watched.look(None) is None
    assert watched.said == [gone, changed, None]


def test_a_busy_server_is_not_taken_for_one_that_is_gone() -> None:
    watched = Watched()
    assert watched.look(None) is None
    watched.now += SILENCE - 1
    assert watched.look(Late("no answer")) is None
    watched.now += 1
    assert watched.look(Late("no answer")) is not None


def test_a_silent_server_that_was_lost_is_not_found() -> None:
    watched = Watched()
    assert watched.look(Lost("connection refused")) is not None
    assert watched.look(Late("no answer")) is not None


def test_a_bug_does_not_end_the_looking(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    assert watched.look(KeyError("input")) is not None
    assert "could not be looked after" in caplog.text
    assert watched.look(None) is None


def test_whoever_suspects_has_it_looked_after_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 1000.0)
    watched = Watched()
    watched.keeper.start()
    watched.keeper.suspect()
    assert watched.looked.acquire(timeout=PATIENCE)
    watched.keeper.close()
    assert not watched.looked.acquire(blocking=False)


def test_it_looks_every_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.001)
    watched = Watched()
    watched.keeper.start()
    for _ in range(3):
        assert watched.looked.acquire(timeout=PATIENCE)
    watched.keeper.close()


def test_one_that_was_never_started_can_be_closed() -> None:
    Watched().keeper.close()
