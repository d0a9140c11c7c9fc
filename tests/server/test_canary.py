from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vultus.errors import EngineError, NotReady
from vultus.runtime.ticket import Ticket
from vultus.server.canary import INTERVAL, STALE, Canary
from vultus.types import Analysis, CropSpec, Face, Plan, Profile

pytestmark = pytest.mark.unit


class Engine:
    """Answers when it is told to; its embedder wants crops of an unusual size."""

    def __init__(self) -> None:
        self.default_profile = Profile("test", "detector", "embedder")
        self.asked: list[tuple[tuple[int, ...], Plan, Ticket]] = []
        self.busy = False
        self.error: Exception | None = None
        self.waiting: list[Future[Analysis]] = []
        self.all_asked = asyncio.Event()
        self.answer = Analysis(96, 96, (Face(np.zeros(4, np.float32), 1.0, norm=20.0),))

    def model(self, name: str) -> Any:
        assert name == "embedder"
        return SimpleNamespace(crop=CropSpec("template", 96))

    def tellers(self, profile: Profile) -> dict[str, str]:
        return {"age": "genderage", "gender": "genderage"}

    def submit(self, source: Any, plan: Plan, profile: Profile, ticket: Ticket) -> Future[Analysis]:
        if self.error:
            raise self.error
        self.asked.append((source.shape, plan, ticket))
        future: Future[Analysis] = Future()
        if len(self.asked) == 2:
            self.all_asked.set()
        if self.busy:
            self.waiting.append(future)
        else:
            future.set_result(self.answer)
        return future


class Clock:
    """Time as the test makes it: each pause is over at once, until a given number of them is spent."""

    def __init__(self, pauses: int = 0) -> None:
        self.now = 1000.0
        self.pauses = pauses

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        if not self.pauses:
            raise asyncio.CancelledError
        self.pauses -= 1
        self.now += seconds


def canary_of(engine: Any, clock: Clock) -> Canary:
    return Canary(lambda: engine, clock, clock.pause)


def run(work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


def watch(canary: Canary) -> None:
    with pytest.raises(asyncio.CancelledError):
        run(canary.watch())


def test_a_picture_and_a_crop_of_the_embedders_size_go_before_ordinary_work() -> None:
    engine = Engine()
    run(canary_of(engine, Clock()).fly())
    shapes = {plan.detect: shape for shape, plan, _ in engine.asked}
    assert shapes[False] == (96, 96, 3)
    assert True in shapes
    assert all(ticket.priority < Ticket().priority for *_, ticket in engine.asked)
    [described] = [plan for _, plan, _ in engine.asked if not plan.detect]
    assert described == Plan(detect=False, attributes=frozenset({"age", "gender"}))


def test_without_an_embedder_there_is_only_the_picture() -> None:
    engine = Engine()
    engine.default_profile = replace(engine.default_profile, embedder=None)
    run(canary_of(engine, Clock()).fly())
    [(_, plan, _)] = engine.asked
    assert plan == Plan(embeddings=False)


def test_to_check_is_to_compute_nothing() -> None:
    engine, clock = Engine(), Clock()
    canary = canary_of(engine, clock)
    canary.passed()
    for _ in range(3):
        canary.check()
    assert not engine.asked


def test_it_flies_at_intervals_and_stays_good() -> None:
    engine, clock = Engine(), Clock(pauses=10)
    canary = canary_of(engine, clock)
    canary.passed()
    watch(canary)
    assert len(engine.asked) == 20
    assert clock.now == 1000.0 + 10 * INTERVAL
    canary.check()


def test_an_old_result_says_nothing() -> None:
    clock = Clock()
    canary = canary_of(Engine(), clock)
    with pytest.raises(EngineError, match="no self check"):
        canary.check()
    canary.passed()
    clock.now += STALE - 1
    canary.check()
    clock.now += 1
    with pytest.raises(EngineError, match="no self check"):
        canary.check()


def test_several_intervals_fit_before_a_result_is_old() -> None:
    assert STALE >= 3 * INTERVAL


def test_one_that_waits_for_a_worker_is_an_alarm_only_in_the_end() -> None:
    engine, clock = Engine(), Clock(pauses=1)
    engine.busy = True
    canary = canary_of(engine, clock)
    canary.passed()

    async def check() -> None:
        flight = asyncio.create_task(canary.watch())
        await engine.all_asked.wait()
        canary.check()
        clock.now += STALE
        with pytest.raises(EngineError, match="stuck"):
            canary.check()
        for future in engine.waiting:
            future.set_result(engine.answer)
        with pytest.raises(asyncio.CancelledError):
            await flight
        canary.check()

    run(check())


@pytest.mark.parametrize("error", [EngineError("smoke"), ValueError("smoke")])
def test_what_the_engine_raises_is_an_alarm_until_the_next_good_flight(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine, clock = Engine(), Clock(pauses=1)
    canary = canary_of(engine, clock)
    canary.passed()
    engine.error = error
    watch(canary)
    for _ in range(2):
        with pytest.raises(EngineError, match="smoke"):
            canary.check()
    assert "smoke" in caplog.text
    engine.error, clock.pauses = None, 1
    watch(canary)
    canary.check()


def test_a_lost_flight_is_an_alarm_and_does_not_ground_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, clock = Engine(), Clock(pauses=1)
    canary = canary_of(engine, clock)
    canary.passed()
    engine.busy = True  # a worker that never answers
    monkeypatch.setattr("vultus.server.canary.STALE", 0.01)
    watch(canary)
    with pytest.raises(EngineError, match="not done within"):
        canary.check()
    assert all(ticket.cancelled for _, _, ticket in engine.asked)
    engine.busy, clock.pauses = False, 1
    watch(canary)
    assert len(engine.asked) == 4


def test_before_there_is_an_engine_nothing_is_wrong_and_nothing_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    def engine() -> Any:
        raise NotReady("starting")

    clock = Clock(pauses=3)
    canary = Canary(engine, clock, clock.pause)
    watch(canary)
    with pytest.raises(NotReady):
        canary.check()
    assert not caplog.records


def test_whether_all_is_good_is_told_without_an_error() -> None:
    clock = Clock()
    canary = canary_of(Engine(), clock)
    told = [canary.good]
    canary.passed()
    told.append(canary.good)
    clock.now += STALE
    told.append(canary.good)
    assert told == [False, True, False]
