"""Who takes connections in a place, told with workers that are not processes."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from vultus.server.process import WorkerProcess
from vultus.server.slot import STEADY, TRIES, Slot
from vultus.server.worker import Failed, Order
from vultus.settings import Settings

pytestmark = pytest.mark.unit


class Actor:
    """Plays a worker process."""

    def __init__(self, copy: int, is_first: bool) -> None:
        self.order = Order(Settings(), 0, copy, Path(), is_first)
        self.pid = 1
        self.exit_code = -9
        self.age = STEADY + 1
        self.ready = self.is_gone = False
        self.lost: str | None = None
        self.failed: Failed | None = None
        self.asked: list[str] = []

    def look(self) -> None:
        pass

    def end(self) -> None:
        self.asked.append("end")

    def retire(self) -> None:
        self.asked.append("retire")

    def bury(self) -> None:
        self.asked.append("bury")


class Place:
    """A slot whose workers are actors, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actors: list[Actor] = []
        self.reasons: list[str] = []
        self.now = 0.0
        monkeypatch.setattr("vultus.server.slot.time.monotonic", lambda: self.now)
        with socket.socket() as listener:  # the actors take no connections
            self.slot = Slot(listener, self.start, self.reasons.append)

    def start(self, listener: socket.socket, copy: int, is_first: bool) -> WorkerProcess:
        self.actors.append(Actor(copy, is_first))
        return cast("WorkerProcess", self.actors[-1])

    @property
    def latest(self) -> Actor:
        return self.actors[-1]

    def get_ready(self) -> Actor:
        self.latest.ready = True
        self.slot.look()
        return self.latest

    def let_die(self, age: float) -> None:
        self.latest.age = age
        self.latest.is_gone = True
        self.slot.look()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_one_that_dies_after_a_steady_life_is_replaced_at_once(place: Place) -> None:
    place.get_ready()
    place.let_die(STEADY + 1)
    assert len(place.actors) == 2
    assert place.reasons == ["died"]
    assert not place.latest.order.is_first


def test_deaths_at_the_start_are_followed_by_ever_longer_pauses_and_then_by_no_worker(place: Place) -> None:
    pauses = []
    for _ in range(TRIES - 1):
        place.let_die(0.1)
        asked_at = place.now
        while place.slot.worker is None:
            place.now += 0.125
            place.slot.look()
        pauses.append(place.now - asked_at)
    assert pauses[0] == 0
    assert all(later == max(0.5, 2 * earlier) for earlier, later in pairwise(pauses))
    place.let_die(0.1)
    place.now += 3600
    place.slot.look()
    assert place.slot.exhausted is not None
    assert len(place.actors) == TRIES


def test_a_steady_life_between_makes_up_for_earlier_deaths(place: Place) -> None:
    for _ in range(2 * TRIES):
        place.let_die(0.1)
        place.now += 60
        place.slot.look()
        place.get_ready()
        place.let_die(STEADY + 1)
    assert place.slot.exhausted is None


def test_a_slow_start_that_fails_is_no_steady_life(place: Place) -> None:
    for _ in range(TRIES):
        place.let_die(STEADY + 1)
        place.now += 60
        place.slot.look()
    assert place.slot.exhausted is not None


def test_a_first_worker_that_says_that_it_cannot_start_is_the_last(place: Place) -> None:
    place.latest.failed = Failed(None)
    place.let_die(0.1)
    assert place.slot.exhausted is not None
    assert len(place.actors) == 1


def test_a_later_worker_that_says_so_is_tried_again(place: Place) -> None:
    place.get_ready()
    place.let_die(STEADY + 1)
    place.latest.failed = Failed(None)
    place.let_die(0.1)
    place.now += 60
    place.slot.look()
    assert place.slot.exhausted is None
    assert len(place.actors) == 3


def test_one_that_is_stuck_makes_room_before_it_is_gone(place: Place) -> None:
    stuck = place.get_ready()
    stuck.lost = "no self check has come back"
    place.slot.look()
    assert stuck.asked == ["retire"]
    assert place.latest is not stuck
    assert place.latest.order.identity != stuck.order.identity
    assert place.reasons == ["stuck"]
    stuck.is_gone = True
    assert place.slot.reap() == [cast("WorkerProcess", stuck)]
    assert stuck.asked == ["retire", "bury"]


def test_one_is_renewed_only_when_its_successor_is_ready(place: Place) -> None:
    old = place.get_ready()
    place.slot.renew()
    place.slot.look()
    succession = place.slot.succession
    assert succession
    assert not old.asked
    new = place.get_ready()
    assert old.asked == ["retire"]
    assert place.slot.worker is cast("WorkerProcess", new)
    assert not place.slot.succession
    assert not place.reasons


def test_one_stays_whose_successor_cannot_be_started(place: Place) -> None:
    old = place.get_ready()
    place.slot.renew()
    place.let_die(0.1)
    assert place.slot.renewal_failed
    assert place.slot.worker is cast("WorkerProcess", old)
    assert not old.asked


def test_a_successor_on_its_way_takes_the_place_of_one_that_dies(place: Place) -> None:
    old = place.get_ready()
    place.slot.renew()
    old.is_gone = True
    place.slot.look()
    assert place.slot.worker is cast("WorkerProcess", place.latest)
    assert len(place.actors) == 2


def test_a_place_that_closes_ends_all_and_starts_nobody(place: Place) -> None:
    place.get_ready()
    place.slot.renew()
    place.slot.close()
    assert [actor.asked for actor in place.actors] == [["end"], ["end"]]
    assert place.slot.worker is None
