from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import NotReady
from vultus.server.metrics import Metrics
from vultus.server.turns import Line, Turn, Turns

pytestmark = pytest.mark.unit


class Engine:
    """Starts pictures and ends them when told to."""

    def __init__(self, max_pixels: int = 10**9, width: int = 10) -> None:
        self.metrics = Metrics(lambda: 0, lambda: True)
        self.now = 0.0
        self.turns = Turns(max_pixels, self.metrics, lambda: self.now)
        self.turns.width = width
        self.under_way: dict[str, Future[Any]] = {}
        self.started: list[str] = []
        self.ended: list[str] = []
        self.failures: list[Exception] = []
        self.broken = False

    def put(self, line: Line, name: str, pixels: int = 1) -> None:
        def start() -> Future[Any]:
            if self.broken:
                raise NotReady("closed")
            self.started.append(name)
            self.under_way[name] = Future()
            return self.under_way[name]

        line.add(Turn(pixels, start, lambda _: self.ended.append(name), self.failures.append))

    def end(self, name: str) -> None:
        self.under_way.pop(name).set_result(None)

    def sample(self, name: str) -> float:
        lines = self.metrics.exposition().decode().splitlines()
        return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} "))


def test_as_many_pictures_are_under_way_as_there_are_threads() -> None:
    engine = Engine(width=2)
    line = engine.turns.line()
    for name in "abc":
        engine.put(line, name)
    assert (engine.started, engine.turns.waiting, engine.turns.running) == (["a", "b"], 1, (2, 2))
    engine.end("b")
    assert engine.started == ["a", "b", "c"]
    assert engine.ended == ["b"]


def test_requests_take_turns() -> None:
    engine = Engine(width=1)
    many, few = engine.turns.line(), engine.turns.line()
    for name in ("m1", "m2", "m3"):
        engine.put(many, name)
    engine.put(few, "f1")
    for name in ("m1", "m2", "f1", "m3"):
        assert engine.started[-1] == name
        engine.end(name)


def test_pixels_are_bounded_and_nobody_is_overtaken() -> None:
    engine = Engine(max_pixels=10)
    lines = [engine.turns.line() for _ in range(3)]
    for line, name, pixels in zip(lines, "abc", (6, 5, 1), strict=True):
        engine.put(line, name, pixels)
    assert engine.started == ["a"]  # c would fit, but b was first
    engine.end("a")
    assert engine.started == ["a", "b", "c"]
    assert engine.turns.running == (2, 6)


def test_a_picture_beyond_the_bound_is_worked_on_alone() -> None:
    engine = Engine(max_pixels=10)
    line = engine.turns.line()
    engine.put(line, "small", 1)
    engine.put(line, "huge", 50)
    engine.put(line, "next", 1)
    assert engine.started == ["small"]
    engine.end("small")
    assert engine.started == ["small", "huge"]
    engine.end("huge")
    assert engine.started == ["small", "huge", "next"]


def test_a_closed_line_lets_go_of_what_waits_at_once_and_takes_nothing_more() -> None:
    engine = Engine(width=1)
    gone, other = engine.turns.line(), engine.turns.line()
    for name in ("a", "b", "c"):
        engine.put(gone, name)
    engine.put(other, "d")
    gone.close()
    assert engine.turns.waiting == 1
    engine.put(gone, "e")
    engine.end("a")
    assert engine.started == ["a", "d"]


def test_who_gives_up_a_large_picture_lets_small_ones_pass() -> None:
    engine = Engine(max_pixels=10)
    lines = [engine.turns.line() for _ in range(3)]
    for line, name, pixels in zip(lines, ("first", "large", "small"), (5, 6, 5), strict=True):
        engine.put(line, name, pixels)
    lines[1].close()
    assert engine.started == ["first", "small"]


def test_a_picture_that_cannot_be_started_is_told_and_holds_nothing() -> None:
    engine = Engine(width=1)
    lines = [engine.turns.line() for _ in range(1000)]
    for line in lines:
        engine.put(line, "x")
    engine.broken = True
    engine.end("x")
    assert len(engine.failures) == 999
    assert all(isinstance(failure, NotReady) for failure in engine.failures)
    assert (engine.turns.running, engine.turns.waiting) == ((0, 0), 0)


def test_who_is_told_of_a_failure_may_close_its_line() -> None:
    engine = Engine(width=1)
    lines = [engine.turns.line() for _ in range(1000)]
    told: list[Exception] = []

    def put(line: Line) -> None:
        def failed(error: Exception) -> None:
            told.append(error)
            line.close()

        def start() -> Future[Any]:
            raise NotReady("closed")

        line.add(Turn(1, start, lambda _: None, failed))

    engine.put(engine.turns.line(), "first")
    for line in lines:
        put(line)
    engine.end("first")
    assert len(told) == 1000


def test_what_waits_and_works_and_how_long_it_waited_is_told() -> None:
    engine = Engine(width=1)
    line = engine.turns.line()
    engine.put(line, "a", 7)
    engine.put(line, "b", 5)
    assert engine.sample("vultus_pictures_waiting") == 1
    assert engine.sample("vultus_pictures_in_flight") == 1
    assert engine.sample("vultus_pixels_in_flight") == 7
    engine.now = 2.5
    engine.end("a")
    assert engine.sample("vultus_pixels_in_flight") == 5
    assert engine.sample("vultus_wait_seconds_sum") == 2.5
    engine.end("b")
    for name in ("vultus_pictures_waiting", "vultus_pictures_in_flight", "vultus_pixels_in_flight"):
        assert engine.sample(name) == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3), st.integers(0, 20)),
        st.tuples(st.just("end"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("close"), st.integers(0, 3), st.just(0)),
    ),
    max_size=50,
)


@given(STEPS, st.integers(1, 4))
def test_bounds_hold_at_every_step_and_in_the_end_nothing_is_held(steps: list[Any], width: int) -> None:
    engine = Engine(max_pixels=10, width=width)
    lines = [engine.turns.line() for _ in range(4)]
    pixels: dict[str, int] = {}
    for place, (verb, number, size) in enumerate(steps):
        if verb == "put":
            pixels[str(place)] = size
            engine.put(lines[number], str(place), size)
        elif verb == "close":
            lines[number].close()
        elif engine.under_way:
            engine.end(list(engine.under_way)[number % len(engine.under_way)])
        held = [pixels[name] for name in engine.under_way]
        assert engine.turns.running == (len(held), sum(held))
        assert len(held) <= width
        assert sum(held) <= 10 or len(held) == 1
        assert held or not engine.turns.waiting  # somebody can always work
    while engine.under_way:
        engine.end(next(iter(engine.under_way)))
    assert (engine.turns.running, engine.turns.waiting) == ((0, 0), 0)
