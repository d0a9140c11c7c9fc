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
from vultus.server.dialects.insightface_rest import canary
from vultus.server.dialects.insightface_rest.canary import Canary
from vultus.types import Analysis, CropSpec, Face, Plan, Profile

pytestmark = pytest.mark.unit

PROFILE = Profile("test", "detector", "embedder")


class Engine:
    """Answers when it is told to; its embedder wants crops of an unusual size."""

    def __init__(self, norm: float = 20.0, busy: bool = False) -> None:
        self.asked: list[tuple[tuple[int, ...], Plan, Ticket]] = []
        self.busy = busy
        self.waiting: list[Future[Analysis]] = []
        face = Face(np.zeros(4, np.float32), 1.0, norm=norm)
        self.answer = Analysis(96, 96, (face,))

    def model(self, name: str) -> Any:
        assert name == "embedder"
        return SimpleNamespace(crop=CropSpec("template", 96))

    def submit(self, source: Any, plan: Plan, profile: Profile, ticket: Ticket) -> Future[Analysis]:
        self.asked.append((source.shape, plan, ticket))
        self.waiting.append(Future())
        future = self.waiting[-1]
        if not self.busy:
            self.work()
        return future

    def work(self) -> None:
        while self.waiting:
            self.waiting.pop().set_result(self.answer)


def run(work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "PATIENCE", 0.01)


def test_a_picture_and_a_crop_of_the_embedders_size_go_before_ordinary_work() -> None:
    engine: Any = Engine()
    run(Canary().check(engine, PROFILE))
    shapes = {plan.detect: shape for shape, plan, _ in engine.asked}
    assert shapes[False] == (96, 96, 3)
    assert True in shapes
    assert all(ticket.priority < Ticket().priority for *_, ticket in engine.asked)


def test_without_an_embedder_there_is_only_the_picture() -> None:
    engine: Any = Engine()
    run(Canary().check(engine, replace(PROFILE, embedder=None)))
    [(_, plan, _)] = engine.asked
    assert plan == Plan(embeddings=False)


def test_each_check_sends_a_new_one() -> None:
    engine: Any = Engine()

    async def check() -> None:
        bird = Canary()
        for _ in range(2):
            await bird.check(engine, PROFILE)

    run(check())
    assert len(engine.asked) == 4


def test_while_one_waits_for_a_worker_there_is_no_second_and_no_alarm() -> None:
    engine: Any = Engine(busy=True)

    async def check() -> None:
        bird = Canary()
        await bird.check(engine, PROFILE)
        await asyncio.gather(bird.check(engine, PROFILE), bird.check(engine, PROFILE))
        assert len(engine.asked) == 2
        engine.work()
        await bird.check(engine, PROFILE)

    run(check())


def test_one_that_waits_for_ever_is_an_alarm_until_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = Engine(busy=True)

    async def check() -> None:
        bird = Canary()
        await bird.check(engine, PROFILE)
        monkeypatch.setattr(canary, "LONGEST", 0.0)
        with pytest.raises(EngineError, match="no worker"):
            await bird.check(engine, PROFILE)
        engine.busy = False
        engine.work()
        await bird.check(engine, PROFILE)

    run(check())


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_an_alarm(norm: float) -> None:
    engine: Any = Engine(norm)
    with pytest.raises(EngineError, match="not finite"):
        run(Canary().check(engine, PROFILE))


def test_what_the_engine_raises_is_an_alarm() -> None:
    def submit(*given: object) -> None:
        raise NotReady("closed")

    engine: Any = Engine()
    engine.submit = submit
    with pytest.raises(NotReady):
        run(Canary().check(engine, PROFILE))
