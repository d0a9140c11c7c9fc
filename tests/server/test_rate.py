from __future__ import annotations

import threading

import pytest

from vultus.errors import RateLimited
from vultus.server.metrics import Metrics
from vultus.server.rate import Allowance, TokenBucket
from vultus.settings.keys import ApiKey, Rate

pytestmark = pytest.mark.unit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_goes_through_and_then_the_rate_counts(clock: Clock) -> None:
    bucket = TokenBucket(Rate(2, 3), clock=clock)
    assert [bucket.take(1) for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert bucket.take(1) == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.take(1) == 0
    assert bucket.take(1) == 0.5


def test_who_waits_as_long_as_told_is_let_through(clock: Clock) -> None:
    bucket = TokenBucket(Rate(3, 1), clock=clock)
    for _ in range(1000):
        assert bucket.take(1) == 0
        clock.now += bucket.wait(1)


def test_over_a_long_time_it_is_the_rate_and_one_burst(clock: Clock) -> None:
    bucket, taken = TokenBucket(Rate(5, 10), clock=clock), 0
    for _ in range(1000):
        taken += not bucket.take(1)
        clock.now += 0.0625
    assert taken == 10 + int(999 * 0.0625 * 5)


def test_silence_saves_up_no_more_than_a_burst(clock: Clock) -> None:
    bucket = TokenBucket(Rate(2, 3), clock=clock)
    clock.now += 3600
    assert [bool(bucket.take(1)) for _ in range(4)] == [False, False, False, True]


def test_more_than_a_burst_has_to_come_back_before_anything_else(clock: Clock) -> None:
    bucket = TokenBucket(Rate(2, 4), clock=clock)
    assert bucket.take(10) == 0
    assert bucket.wait(1) == 3.5  # 6 owed, and 1 wanted
    assert bucket.take(10) == 5  # 6 owed, and a full bucket wanted
    clock.now += 5
    assert bucket.take(10) == 0


def test_to_look_takes_nothing(clock: Clock) -> None:
    bucket = TokenBucket(Rate(1, 1), clock=clock)
    assert [bucket.wait(1), bucket.wait(1), bucket.take(1)] == [0, 0, 0]


def test_a_share_is_a_part_of_rate_and_burst_but_always_one(clock: Clock) -> None:
    quarter = TokenBucket(Rate(8, 8), 0.25, clock)
    assert [quarter.take(1) for _ in range(3)] == [0, 0, 0.5]
    small = TokenBucket(Rate(8, 2), 0.25, clock)
    assert [small.take(1) for _ in range(2)] == [0, 0.5]


def test_threads_together_get_no_more_than_there_is(clock: Clock) -> None:
    bucket, start = TokenBucket(Rate(1, 500), clock=clock), threading.Barrier(4)
    taken: list[int] = []

    def take() -> None:
        start.wait()
        taken.extend(1 for _ in range(250) if not bucket.take(1))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 500


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: 0, lambda: True)


def allowance(metrics: Metrics, clock: Clock, **rates: Rate) -> Allowance:
    return Allowance(ApiKey("phone", frozenset({"v1"}), "0" * 64, **rates), 1.0, metrics, clock)


def test_a_refusal_says_when_to_come_again_and_is_counted_by_name(metrics: Metrics, clock: Clock) -> None:
    one = allowance(metrics, clock, requests=Rate(0.4, 2))
    one.request()
    one.request()
    with pytest.raises(RateLimited, match=r"0\.4/2 requests a second") as caught:
        one.request()
    assert (caught.value.retry_after, caught.value.limit) == (3, "keys")  # 2.5 s, in whole ones
    told = metrics.exposition().decode()
    assert 'vultus_key_requests_total{key="phone",outcome="accepted"} 2.0' in told
    assert 'vultus_key_requests_total{key="phone",outcome="rate_limited"} 1.0' in told
    assert 'vultus_refusals_total{reason="rate_limited"} 1.0' in told


def test_pictures_are_counted_when_they_are_known(metrics: Metrics, clock: Clock) -> None:
    one = allowance(metrics, clock, pictures=Rate(10, 20))
    for _ in range(3):
        one.request()  # takes no picture
    one.pictures(15)
    with pytest.raises(RateLimited, match="10/20 pictures") as caught:
        one.pictures(10)
    assert caught.value.retry_after == 1
    one.pictures(5)
    with pytest.raises(RateLimited):  # nothing is left: the body is not even read
        one.request()
    clock.now += 0.1
    one.request()


def test_a_key_without_limits_has_none(metrics: Metrics, clock: Clock) -> None:
    free = allowance(metrics, clock)
    for _ in range(1000):
        free.request()
        free.pictures(256)
