from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from vultus.errors import Cancelled, DeadlineExceeded
from vultus.runtime.ticket import Ticket
from vultus.runtime.turns import Job, Pace, Share, Turns

pytestmark = pytest.mark.unit


def job(rows: int, ticket: Ticket | None = None) -> Job:
    return Job(np.zeros((rows, 2, 2, 3), np.uint8), ticket or Ticket(), lambda _: None)


def queue(*jobs: Job) -> Turns:
    turns = Turns()
    for each in jobs:
        turns.add(each)
    return turns


def test_few_rows_are_not_held_up_by_many() -> None:
    crowd, one, other = job(400), job(1), job(1)
    turns = queue(crowd, one, other)
    shares, _ = turns.take(8)
    assert shares == [Share(crowd, 0, 6), Share(one, 0, 1), Share(other, 0, 1)]
    assert turns.take(8)[0] == [Share(crowd, 6, 14)]
    assert turns.rows == 386


def test_tickets_take_turns_whatever_their_number_of_jobs() -> None:
    request = Ticket()
    pictures = [job(1, request) for _ in range(10)]
    lone = job(3)
    shares, _ = queue(*pictures, lone).take(6)
    assert shares == [Share(pictures[0], 0, 1), Share(lone, 0, 3), *(Share(each, 0, 1) for each in pictures[1:3])]


def test_who_was_passed_over_is_first_the_next_time() -> None:
    jobs = [job(5) for _ in range(4)]
    turns = queue(*jobs)
    assert [share.job for share in turns.take(3)[0]] == jobs[:3]
    assert [share.job for share in turns.take(3)[0]] == [jobs[3], *jobs[:2]]


def test_lower_priority_numbers_are_first() -> None:
    ordinary, urgent = job(5, Ticket(priority=0)), job(2, Ticket(priority=-1))
    turns = queue(ordinary, urgent)
    assert turns.priority == -1
    assert turns.take(3)[0] == [Share(urgent, 0, 2), Share(ordinary, 0, 1)]
    assert turns.priority == 0


def test_rows_of_spent_tickets_are_dropped_and_cost_no_room() -> None:
    gone, late, kept = Ticket(), Ticket(deadline=time.monotonic()), job(2)
    jobs = [job(3, gone), job(4, gone), job(5, late)]
    turns = queue(*jobs, kept)
    gone.cancel()
    shares, dropped = turns.take(2)
    assert shares == [Share(kept, 0, 2)]
    assert [each for each, _ in dropped] == jobs
    assert [type(error) for _, error in dropped] == [Cancelled, Cancelled, DeadlineExceeded]
    assert len({id(error) for _, error in dropped}) == 3  # each caller raises its own
    assert not turns
    assert turns.rows == 0


def test_a_job_can_be_taken_out_before_during_and_after_its_turn() -> None:
    before, during, after, other = job(2), job(4), job(1), job(1)
    turns = queue(after, during, before, other)
    turns.discard(before)
    assert {share.job for share in turns.take(3)[0]} == {after, during, other}
    turns.discard(during)
    turns.discard(after)
    assert not turns
    assert turns.rows == 0
    turns.discard(after)


def test_everything_can_be_taken_out_at_once() -> None:
    jobs = [job(1), job(2, Ticket(priority=3)), job(3)]
    turns = queue(*jobs)
    assert set(turns.clear()) == set(jobs)
    assert not turns
    assert turns.take(8) == ([], [])


def test_a_share_in_single_rows() -> None:
    whole = job(5)
    assert list(Share(whole, 2, 4).singly()) == [Share(whole, 2, 3), Share(whole, 3, 4)]


def test_parts_that_come_in_any_order_are_put_together_in_the_rows_order() -> None:
    whole = job(4)
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert [whole.add(1, (rows[1:4], rows[1:4, :1])), whole.over] == [False, False]
    assert [whole.add(0, (rows[:1], rows[:1, :1])), whole.over] == [True, True]
    first, second = whole.outputs()
    np.testing.assert_array_equal(first, rows)
    np.testing.assert_array_equal(second, rows[:, :1])


def test_outputs_are_the_callers_own() -> None:
    batch = np.zeros((64, 3), np.float32)
    single = job(1)
    single.add(0, (batch[:1],))
    single.outputs()[0][:] = 1
    assert not batch.any()


def test_a_batch_is_padded_to_the_least_size_that_holds_it() -> None:
    pace = Pace((1, 2, 4, 8))
    assert [pace.fitting(rows) for rows in (1, 2, 3, 5, 8, 9)] == [1, 2, 4, 8, 8, 8]
    assert [pace.choose(rows) for rows in (1, 3, 100)] == [1, 4, 8]  # nothing is known of any


@pytest.mark.parametrize(
    ("waiting", "chosen"),
    [
        (1, 1),  # of the model 4 + rows / 4 milliseconds
        (3, 4),  # 3 in 5, rather than 2 in 4.5
        (5, 8),  # 5 in 6, rather than 4 in 5
        (33, 32),  # 32 in 12, rather than 33 in 20
        (40, 32),
        (60, 64),  # 60 in 20, rather than 32 in 12
        (1000, 64),
    ],
)
def test_the_size_is_chosen_that_gets_most_rows_a_second_done(waiting: int, chosen: int) -> None:
    pace = Pace((1, 2, 4, 8, 16, 32, 64))
    for size in pace.sizes:
        pace.note(size, 4 + size / 4)
    assert pace.choose(waiting) == chosen


def test_one_slow_batch_does_not_put_its_size_out_of_use() -> None:
    pace = Pace((32, 64))
    for size, seconds in ((32, 12), (64, 20), (64, 1000)):
        pace.note(size, seconds)
    assert pace.choose(64) == 64


def test_outputs_are_written_where_they_are_wanted_whatever_came_first() -> None:
    done = job(3)
    assert not done.add(2, (np.array([[5.0]]), np.array([7])))
    assert done.add(0, (np.array([[1.0], [2.0]]), np.array([3, 4])))
    arrays = np.zeros((3, 1)), np.zeros(3, int)
    done.write_to(arrays)
    assert arrays[0].tolist() == [[1], [2], [5]]
    assert arrays[1].tolist() == [3, 4, 7]


@pytest.mark.parametrize("wanted", [np.zeros((1, 2)), np.zeros((1, 1), np.float32)])
def test_outputs_of_another_form_are_not_written(wanted: np.ndarray[Any, np.dtype[Any]]) -> None:
    done = job(1)
    done.add(0, (np.array([[5.0]]),))
    with pytest.raises(ValueError, match=r"float64 \(1,\) instead of"):
        done.write_to((wanted,))
    assert not wanted.any()
