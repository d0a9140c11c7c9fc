from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import Overloaded
from vultus.runtime.ticket import Ticket
from vultus.server.admission import PICTURES_PER_WORKER, Admission, Pace, Place
from vultus.server.metrics import Metrics
from vultus.settings import Settings

pytestmark = pytest.mark.unit


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock | None = None, **settings: Any) -> Admission:
    return Admission(Settings(**settings), Metrics(lambda: 0, lambda: True), clock or Clock())


def let_in(admission: Admission, pictures: int = 1, size: int = 0, ticket: Ticket | None = None) -> Place:
    place = admission.enter(ticket or Ticket())
    place.hold_bytes(size)
    place.expect(pictures)
    return place


def sample(admission: Admission, name: str) -> float:
    exposition = admission._metrics.exposition().decode()
    return next(float(line.rsplit(" ", 1)[1]) for line in exposition.splitlines() if line.startswith(f"{name} "))


def test_requests_are_refused_while_as_many_pictures_as_allowed_are_under_way() -> None:
    admission = make(max_queued_pictures=2)
    first, _ = let_in(admission), let_in(admission)
    with pytest.raises(Overloaded, match="2 pictures wait") as raised:
        admission.enter(Ticket())
    assert (raised.value.limit, raised.value.retry_after) == ("max_queued_pictures", 1)
    first.close()
    let_in(admission)


def test_a_picture_that_is_done_makes_room_before_its_request_is() -> None:
    admission = make(max_queued_pictures=2)
    place = let_in(admission, 2)
    with pytest.raises(Overloaded):
        admission.enter(Ticket())
    place.done()
    assert admission.held == (1, 1, 0)
    let_in(admission)


def test_a_request_of_more_pictures_than_may_wait_is_served_and_not_starved_by_small_ones() -> None:
    admission = make(max_queued_pictures=2)
    let_in(admission)
    let_in(admission, 256)
    assert admission.held == (2, 257, 0)


def test_of_many_large_requests_that_come_at_once_only_one_goes_beyond_the_limit() -> None:
    admission = make(max_queued_pictures=3)
    places = [let_in(admission, 1) for _ in range(3)]
    places[0].expect(256)
    for place in places[1:]:
        with pytest.raises(Overloaded):
            place.expect(256)
    places[1].expect(1)  # one picture it holds already


def test_a_request_that_is_still_being_sent_takes_nobodys_place() -> None:
    admission = make(max_queued_pictures=1)
    slow = admission.enter(Ticket())
    let_in(admission)
    with pytest.raises(Overloaded):
        slow.expect(1)


def test_what_has_begun_is_not_refused() -> None:
    admission = make(max_queued_pictures=1)
    place = let_in(admission)
    place.done()
    let_in(admission)
    place.keep(1)
    assert admission.held == (2, 2, 0)


def test_bytes_are_bounded_but_for_a_request_that_is_alone() -> None:
    admission = make(max_inflight_bytes=100)
    large = let_in(admission, size=1000)
    large.hold_bytes(1000)
    with pytest.raises(Overloaded, match="2000 bytes") as raised:
        let_in(admission, size=1)
    assert raised.value.limit == "max_inflight_bytes"
    large.close()
    small = let_in(admission, size=60)
    with pytest.raises(Overloaded):
        let_in(admission, size=41)
    let_in(admission, size=40)
    small.hold_bytes(-10)
    let_in(admission, size=10)


def test_unless_told_otherwise_the_threads_decide_how_many_pictures_may_wait() -> None:
    admission = make()
    admission.equip(3)
    let_in(admission, 3 * PICTURES_PER_WORKER)
    with pytest.raises(Overloaded):
        admission.enter(Ticket())
    assert admission.turns.width == 3
    told = make(max_queued_pictures=1)
    told.equip(3)
    let_in(told)
    with pytest.raises(Overloaded):
        told.enter(Ticket())


def test_who_is_refused_is_told_how_long_the_work_before_takes_at_the_measured_pace() -> None:
    clock = Clock()
    admission = make(clock, max_queued_pictures=10)
    place = let_in(admission, 14)
    for _ in range(4):
        clock.now += 0.75
        place.done()
    with pytest.raises(Overloaded) as raised:
        admission.enter(Ticket())
    assert 7 <= raised.value.retry_after <= 8  # ten pictures of 0.75 seconds


def test_a_request_whose_deadline_the_work_before_it_outlasts_is_refused_at_once() -> None:
    clock = Clock()
    admission = make(clock)
    places = [let_in(admission) for _ in range(4)]
    clock.now += 2.0
    places[0].done()
    places[0].close()
    with pytest.raises(Overloaded, match="deadline"):
        admission.enter(Ticket.within(5))  # three before it, two seconds each
    admission.enter(Ticket.within(60))
    admission.enter(Ticket())
    assert 'vultus_refusals_total{reason="deadline"} 1.0' in admission._metrics.exposition().decode()


def test_nobody_is_refused_for_time_by_a_server_without_work_however_slow_it_was() -> None:
    clock = Clock()
    admission = make(clock)
    with let_in(admission) as place:
        clock.now += 1000.0
        place.done()
    admission.enter(Ticket.within(0.5))


def test_a_closed_place_holds_nothing_and_never_will() -> None:
    admission = make()
    place = let_in(admission, 3, 100)
    place.close()
    place.close()
    place.hold_bytes(50)
    place.expect(2)
    place.keep(2)
    place.done()
    assert admission.held == (0, 0, 0)


def test_an_abort_reaches_everybody_who_is_in() -> None:
    admission, told = make(), []
    first, second, gone = admission.enter(Ticket()), admission.enter(Ticket()), admission.enter(Ticket())
    for place in (first, second, gone):
        place.on_abort = lambda place=place: told.append(place)  # type: ignore[misc]
    gone.close()
    admission.abort()
    assert set(told) == {first, second}
    assert (first.aborted, gone.aborted) == (True, False)


def test_refusals_and_bytes_are_counted() -> None:
    admission = make(max_queued_pictures=1, max_inflight_bytes=100)
    sending = let_in(admission, 0, 90)
    with admission.enter(Ticket()) as place, pytest.raises(Overloaded):
        place.hold_bytes(11)
    sending.expect(1)
    with pytest.raises(Overloaded):
        admission.enter(Ticket())
    assert sample(admission, "vultus_bytes_in_flight") == 90
    sending.close()
    assert sample(admission, "vultus_bytes_in_flight") == 0
    exposition = admission._metrics.exposition().decode()
    assert 'vultus_refusals_total{reason="bytes"} 1.0' in exposition
    assert 'vultus_refusals_total{reason="pictures"} 1.0' in exposition


ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(("bytes", "unbytes", "expect", "keep", "done", "close")), st.integers(0, 300)
    ),
    max_size=60,
)


@given(ACTIONS)
def test_the_sums_are_those_of_the_places_and_fall_back_to_nothing(actions: list[tuple[int, str, int]]) -> None:
    admission = make(max_queued_pictures=50, max_inflight_bytes=500)
    places: dict[int, Place] = {}
    for number, verb, amount in actions:
        try:
            if number not in places:
                places[number] = admission.enter(Ticket())
            place = places[number]
            match verb:
                case "bytes":
                    place.hold_bytes(amount)
                case "unbytes":
                    place.hold_bytes(-min(amount, place.bytes))
                case "expect":
                    place.expect(amount)
                case "keep":
                    place.keep(amount)
                case "done":
                    place.done()
                case "close":
                    places.pop(number).close()
        except Overloaded:
            if refused := places.pop(number, None):
                refused.close()  # as a ``with`` statement does
        inside = places.values()
        assert admission.held == (len(inside), sum(p.pictures for p in inside), sum(p.bytes for p in inside))
    for place in places.values():
        place.close()
    assert admission.held == (0, 0, 0)


def test_the_pace_is_that_of_lately_and_idle_time_is_nobodys() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds == 0.0
    pace.go(is_busy=True)
    for _ in range(100):
        clock.now += 0.5
        pace.count()
    assert pace.seconds == pytest.approx(0.5, rel=0.01)
    pace.go(is_busy=False)
    clock.now += 3600.0
    pace.go(is_busy=True)
    for _ in range(100):
        clock.now += 0.25
        pace.count()
    assert pace.seconds == pytest.approx(0.25, rel=0.05)


def test_the_pace_of_pictures_that_come_in_bursts_is_that_of_all_of_them() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.go(is_busy=True)
    for _ in range(20):
        clock.now += 1.0
        for _ in range(10):
            pace.count()
    assert pace.seconds == pytest.approx(0.1, rel=0.05)
