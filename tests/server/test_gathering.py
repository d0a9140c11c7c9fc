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
    RequestTooLarge,
    UnsupportedFormat,
)
from vultus.runtime.ticket import Ticket
from vultus.server import gathering as gatherings
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

    def order(self, pictures: Sequence[Any], plan: Plan | Sequence[Plan] | None = None) -> Order:
        return Order(pictures, plan or Plan(), self.engine.default_profile, self.finish)

    def finish(self, outcomes: Sequence[Outcome]) -> Reply:
        self.outcomes, self.thread = outcomes, threading.current_thread().name
        return Reply(b"done")

    def ask(
        self, read: Callable[[], Order], fetch: Any = nowhere, ticket: Ticket | None = None, max_bytes: int = 10**6
    ) -> Reply:
        async def run() -> Reply:
            gathering = Gathering(self.engine, fetch, ticket or Ticket(), max_bytes)
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


def test_each_picture_may_have_a_plan_of_its_own(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    plans = [Plan(embeddings=False), Plan(detect=False, stretch=True)]
    asker.ask(lambda: asker.order([squares((1, 1), (3, 3))] * 2, plans))
    found, whole = asker.outcomes
    assert isinstance(found, Analysis)
    assert isinstance(whole, Analysis)
    assert [face.embedding for face in found.faces] == [None, None]
    assert [face.embedding is None for face in whole.faces] == [False]


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
    async def run() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
            return b""

        asker, ticket = Asker(engine), Ticket()
        gathering = Gathering(engine, fetch, ticket, 10**6)
        gathering.begin(lambda: asker.order([Address("a")]))
        await asyncio.wait_for(asked.wait(), 10)
        gathering.close()
        assert ticket.cancelled
        with pytest.raises(Cancelled):
            await asyncio.wait_for(asyncio.wrap_future(gathering.reply), 10)
        await asyncio.wait_for(gone.wait(), 10)

    asyncio.run(run())


def test_nothing_begins_after_closing(engine: FaceEngine, squares: Squares) -> None:
    begun: list[str] = []

    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        begun.append(name)
        return squares()

    async def run() -> None:
        asker = Asker(engine)
        gathering = Gathering(engine, fetch, Ticket(), 10**6)

        def read() -> Order:
            gathering.close()  # the client leaves while its request is being read
            return asker.order([Address("a"), squares()])

        gathering.begin(read)
        with pytest.raises(Cancelled):
            await asyncio.wait_for(asyncio.wrap_future(gathering.reply), 10)
        assert not asker.outcomes

    asyncio.run(run())
    assert not begun


def test_only_so_many_pictures_are_fetched_at_once(engine: FaceEngine, squares: Squares) -> None:
    asker, under_way, most = Asker(engine), 0, 0

    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)  # lets others begin
        under_way -= 1
        return squares()

    asker.ask(lambda: asker.order([Address(str(number)) for number in range(50)]), fetch)
    assert len(asker.outcomes) == 50
    assert all(isinstance(outcome, Analysis) for outcome in asker.outcomes)
    assert most == gatherings.FETCHES_AT_ONCE


def test_what_is_fetched_counts_as_if_it_had_been_sent(engine: FaceEngine, squares: Squares) -> None:
    asker, picture, fetched = Asker(engine), squares(), 0

    async def fetch(name: str, headers: Mapping[str, str]) -> bytes:
        nonlocal fetched
        fetched += 1
        return picture

    pictures = [Address(str(number)) for number in range(100)]
    asker.ask(lambda: asker.order(pictures[:20]), fetch, max_bytes=20 * len(picture))
    fetched = 0
    with pytest.raises(RequestTooLarge) as raised:
        asker.ask(lambda: asker.order(pictures), fetch, max_bytes=20 * len(picture))
    assert raised.value.limit == "max_request_bytes"
    assert fetched <= 20 + gatherings.FETCHES_AT_ONCE
