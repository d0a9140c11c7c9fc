from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from vultus.engine import FaceEngine
from vultus.errors import (
    Cancelled,
    DeadlineExceeded,
    EmptyPicture,
    NotBase64,
    NotReady,
    PictureUnreachable,
    RequestError,
    UnsupportedFormat,
)
from vultus.runtime.ticket import Ticket
from vultus.server.gathering import Address, Gathering, Order, Outcome
from vultus.server.wire import Reply
from vultus.settings import Settings
from vultus.types import Analysis, Plan

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


@pytest.fixture(scope="module")
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(Settings(runtime="dummy", streams=2)) as engine:
        yield engine


async def nowhere(name: str, headers: Mapping[str, str]) -> bytes:
    raise PictureUnreachable(f"{name} is nowhere")


class Asker:
    """Runs one request to its end and keeps what ``finish`` was given."""

    def __init__(self, engine: FaceEngine) -> None:
        self.engine = engine
        self.outcomes: Sequence[Outcome] = ()
        self.thread = ""

    def order(self, pictures: Sequence[Any], plan: Plan | None = None) -> Order:
        return Order(pictures, plan or Plan(), self.engine.default_profile, self.finish)

    def finish(self, outcomes: Sequence[Outcome]) -> Reply:
        self.outcomes, self.thread = outcomes, threading.current_thread().name
        return Reply(b"done")

    def ask(self, read: Callable[[], Order], fetch: Any = nowhere, ticket: Ticket | None = None) -> Reply:
        async def run() -> Reply:
            gathering = Gathering(self.engine, fetch, ticket or Ticket())
            gathering.begin(read)
            try:
                return await asyncio.wait_for(asyncio.wrap_future(gathering.reply), 30)
            finally:
                gathering.close()

        return asyncio.run(run())


def test_outcomes_come_in_the_order_of_the_pictures(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    pictures = [squares(*((1, column) for column in range(count))) for count in (3, 0, 5, 1)]
    assert asker.ask(lambda: asker.order(pictures)) == Reply(b"done")
    assert [len(outcome.faces) for outcome in asker.outcomes if isinstance(outcome, Analysis)] == [3, 0, 5, 1]


def test_reading_and_finishing_happen_on_workers(engine: FaceEngine, squares: Squares) -> None:
    asker, threads = Asker(engine), []

    def read() -> Order:
        threads.append(threading.current_thread().name)
        return asker.order([squares((1, 1))])

    asker.ask(read)
    assert all(name.startswith("vultus-worker") for name in (*threads, asker.thread))


def test_a_bad_picture_does_not_disturb_the_good(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    asker.ask(lambda: asker.order([b"", squares((1, 1)), NotBase64("no"), b"GIF what"]))
    empty, good, text, _ = asker.outcomes
    assert isinstance(empty, EmptyPicture)
    assert isinstance(good, Analysis)
    assert isinstance(text, NotBase64)


def test_a_request_without_pictures_is_answered(engine: FaceEngine) -> None:
    asker = Asker(engine)
    assert asker.ask(lambda: asker.order([])) == Reply(b"done")


def test_named_pictures_are_fetched_side_by_side_and_keep_their_places(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    both_asked = asyncio.Barrier(2)

    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        if name == "gone":
            return await nowhere(name, headers)
        await asyncio.wait_for(both_asked.wait(), 10)
        return squares(*((1, column) for column in range(int(headers["faces"]))))

    pictures = [Address("a", {"faces": "2"}), Address("gone"), Address("b", {"faces": "4"}), UnsupportedFormat("x")]
    asker.ask(lambda: asker.order(pictures), fetch)
    first, gone, second, unsupported = asker.outcomes
    assert isinstance(first, Analysis)
    assert isinstance(second, Analysis)
    assert (len(first.faces), len(second.faces)) == (2, 4)
    assert isinstance(gone, PictureUnreachable)
    assert isinstance(unsupported, UnsupportedFormat)


def test_an_answer_whose_last_picture_cannot_be_fetched_is_still_made_by_a_worker(engine: FaceEngine) -> None:
    asker = Asker(engine)
    asker.ask(lambda: asker.order([Address("gone")]))
    assert isinstance(asker.outcomes[0], PictureUnreachable)
    assert asker.thread.startswith("vultus-worker")


def test_a_request_that_cannot_be_read_fails(engine: FaceEngine) -> None:
    def read() -> Order:
        raise RequestError("nonsense")

    with pytest.raises(RequestError, match="nonsense"):
        Asker(engine).ask(read)


def test_a_plan_that_cannot_be_met_fails_the_request(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    with pytest.raises(RequestError, match="shoe_size"):
        asker.ask(lambda: asker.order([squares()], Plan(attributes=frozenset(("shoe_size",)))))


def test_an_answer_that_cannot_be_made_fails_the_request(engine: FaceEngine, squares: Squares) -> None:
    def finish(outcomes: Sequence[Outcome]) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Asker(engine).ask(lambda: Order([squares()], Plan(), engine.default_profile, finish))


def test_a_fetch_that_breaks_fails_the_request(engine: FaceEngine) -> None:
    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        raise ZeroDivisionError

    asker = Asker(engine)
    with pytest.raises(ZeroDivisionError):
        asker.ask(lambda: asker.order([Address("a"), Address("b")]), fetch)


def test_a_spent_ticket_fails_the_request_before_it_is_read(engine: FaceEngine) -> None:
    given_up, late = Ticket(), Ticket(deadline=0.0)
    given_up.cancel()
    unread: list[bool] = []
    with pytest.raises(Cancelled):
        Asker(engine).ask(lambda: unread.append(True), ticket=given_up)  # type: ignore[arg-type, return-value]
    with pytest.raises(DeadlineExceeded):
        Asker(engine).ask(lambda: unread.append(True), ticket=late)  # type: ignore[arg-type, return-value]
    assert not unread


def test_a_closed_engine_refuses(squares: Squares) -> None:
    engine = FaceEngine(Settings(runtime="dummy", streams=1))
    engine.close()
    asker = Asker(engine)
    with pytest.raises(NotReady):
        asker.ask(lambda: asker.order([squares()]))


def test_an_engine_that_closes_while_a_picture_is_fetched_ends_the_request(squares: Squares) -> None:
    engine = FaceEngine(Settings(runtime="dummy", streams=1))

    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        await asyncio.to_thread(engine.close)
        return squares()

    asker = Asker(engine)
    with pytest.raises(NotReady):
        asker.ask(lambda: asker.order([Address("a")]), fetch)


def test_closing_gives_up_fetches_under_way(engine: FaceEngine) -> None:
    given_up: list[bool] = []

    async def run() -> None:
        asked = asyncio.Event()

        async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
            asked.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                given_up.append(True)
                raise
            return b""

        asker, ticket = Asker(engine), Ticket()
        gathering = Gathering(engine, fetch, ticket)
        gathering.begin(lambda: asker.order([Address("a")]))
        await asyncio.wait_for(asked.wait(), 10)
        gathering.close()
        assert ticket.cancelled
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.wrap_future(gathering.reply), 10)

    asyncio.run(run())
    assert given_up
