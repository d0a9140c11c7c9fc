from __future__ import annotations

import threading
import time

import pytest

from vultus.errors import DeadlineExceeded
from vultus.runtime.pool import Pool
from vultus.runtime.ticket import Ticket

pytestmark = pytest.mark.unit


def test_items_are_lent_once_at_a_time() -> None:
    pool = Pool("ab")
    with pool.lend(Ticket()) as first, pool.lend(Ticket()) as second:
        assert {first, second} == {"a", "b"}


def test_the_one_that_came_back_last_is_lent_first() -> None:
    pool = Pool("abc")
    with pool.lend(Ticket()) as first, pool.lend(Ticket()):
        pass  # the second comes back before the first
    with pool.lend(Ticket()) as again:
        assert again == first


def test_who_comes_when_all_are_lent_waits_for_one() -> None:
    pool, got = Pool("a"), []

    def borrow() -> None:
        with pool.lend(Ticket.within(60)) as item:
            got.append(item)

    thread = threading.Thread(target=borrow)
    with pool.lend(Ticket()):
        thread.start()
        assert got == []
    thread.join(60)
    assert got == ["a"]


def test_nobody_waits_beyond_the_deadline() -> None:
    pool = Pool("a")
    with pool.lend(Ticket()), pytest.raises(DeadlineExceeded), pool.lend(Ticket(deadline=time.monotonic() - 1)):
        pytest.fail("there was nothing to lend")


def test_an_item_comes_back_from_a_failure() -> None:
    pool = Pool("a")
    with pytest.raises(ZeroDivisionError), pool.lend(Ticket()):
        raise ZeroDivisionError
    with pool.lend(Ticket()) as item:
        assert item == "a"
