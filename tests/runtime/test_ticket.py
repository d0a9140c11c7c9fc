from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

import pytest

from vultus.errors import Cancelled, DeadlineExceeded
from vultus.runtime.ticket import Ticket

pytestmark = pytest.mark.unit


def test_a_fresh_ticket_passes_every_check() -> None:
    Ticket().check()
    Ticket.within(60).check()


def test_a_ticket_without_deadline_has_no_remaining_time() -> None:
    assert Ticket().remaining() is None
    assert Ticket.within(None).deadline is None
    assert Ticket.within(0).deadline is None


def test_within_counts_from_now() -> None:
    before = time.monotonic()
    ticket = Ticket.within(5)
    assert ticket.deadline is not None
    assert before + 5 <= ticket.deadline <= time.monotonic() + 5
    remaining = ticket.remaining()
    assert remaining is not None
    assert 0 < remaining <= 5


def test_a_passed_deadline_is_raised_and_leaves_no_time() -> None:
    ticket = Ticket(deadline=time.monotonic() - 1)
    assert ticket.remaining() == 0
    with pytest.raises(DeadlineExceeded) as caught:
        ticket.check()
    assert caught.value.code == "deadline_exceeded"


def test_a_cancelled_ticket_is_raised_even_before_its_deadline() -> None:
    ticket = Ticket.within(60)
    ticket.cancel()
    assert ticket.cancelled
    with pytest.raises(Cancelled):
        ticket.check()


def test_whoever_listens_hears_once_that_the_work_is_given_up() -> None:
    ticket = Ticket()
    heard: list[str] = []
    with ticket.heard_by(lambda: heard.append("past")):
        pass
    with ticket.heard_by(lambda: heard.append("first")), ticket.heard_by(lambda: heard.append("second")):
        ticket.cancel()
        assert ticket.cancelled
    assert sorted(heard) == ["first", "second"]


def test_one_who_stops_listening_while_others_are_told_harms_nobody() -> None:
    ticket = Ticket()
    heard: list[int] = []

    def hear(number: int) -> None:
        heard.append(number)
        stack.close()

    with ExitStack() as stack:
        for number in range(10):
            stack.enter_context(ticket.heard_by(partial(hear, number)))
        ticket.cancel()
    assert len(heard) >= 1
