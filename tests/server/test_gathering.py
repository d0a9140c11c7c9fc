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
from vultus.server.admission import Admission, Place
from vultus.server.gathering import Address, Gathering, Order, Outcome, analysis_of
from vultus.server.metrics import Metrics
from vultus.server.wire import Reply
from vultus.settings import Settings
from vultus.types import Analysis, Plan

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


@pytest.fixture(scope="module")
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(Settings(runtime="dummy", streams=2)) as engine:
        yield engine


async def nowhere(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
    raise PictureUnreachable(f"{name} is nowhere")


def enter(ticket: Ticket | None = None, **settings: Any) -> Place:
    """The only request of a server."""
    admission = Admission(Settings(**settings), Metrics(lambda: 0, lambda: True))
    admission.equip(6)
    return admission.enter(ticket or Ticket())


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

    def ask(
        self, read: Callable[[], Order], fetch: Any = nowhere, ticket: Ticket | None = None, max_bytes: int = 10**6
    ) -> Reply:
        async def run() -> Reply:
            gathering = Gathering(self.engine, fetch, enter(ticket), max_bytes)
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


def test_an_order_may_follow_an_order(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)
    found: list[Outcome] = []
    pictures = [squares((1, 1), (3, 3)), b""]

    def follow(outcomes: Sequence[Outcome]) -> Order:
        found.extend(outcomes)
        return asker.order(pictures, Plan(detect=False, stretch=True))

    order = Order(pictures, Plan(embeddings=False), engine.default_profile, follow)
    assert asker.ask(lambda: order) == Reply(b"done")
    seen, whole = found[0], asker.outcomes[0]
    assert isinstance(seen, Analysis)
    assert isinstance(whole, Analysis)
    assert [face.embedding for face in seen.faces] == [None, None]
    assert [face.embedding is None for face in whole.faces] == [False]
    assert isinstance(asker.outcomes[1], EmptyPicture)


@pytest.mark.parametrize("pictures", [[], [Address("a")], [EmptyPicture("none")]])
def test_an_order_that_follows_is_like_any_other(engine: FaceEngine, squares: Squares, pictures: Sequence[Any]) -> None:
    async def fetch(name: str, headers: Mapping[str, str], count: Any) -> bytes:
        return squares()

    asker = Asker(engine)
    order = Order([squares()], Plan(), engine.default_profile, lambda _: asker.order(pictures))
    assert asker.ask(lambda: order, fetch) == Reply(b"done")
    assert len(asker.outcomes) == len(pictures)


def test_an_order_that_follows_fails_like_any_other(engine: FaceEngine, squares: Squares) -> None:
    asker, impossible = Asker(engine), Plan(attributes=frozenset(("shoe_size",)))
    order = Order([squares()], Plan(), engine.default_profile, lambda _: asker.order([squares()], impossible))
    with pytest.raises(RequestError, match="shoe_size"):
        asker.ask(lambda: order)


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

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        if name == "gone":
            return await nowhere(name, headers, count)
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
    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
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

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        await asyncio.to_thread(engine.close)
        return squares()

    asker = Asker(engine)
    with pytest.raises(NotReady):
        asker.ask(lambda: asker.order([Address("a")]), fetch)


def test_closing_gives_up_fetches_under_way(engine: FaceEngine) -> None:
    async def run() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
            return b""

        asker, ticket = Asker(engine), Ticket()
        gathering = Gathering(engine, fetch, enter(ticket), 10**6)
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

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        begun.append(name)
        return squares()

    async def run() -> None:
        asker = Asker(engine)
        gathering = Gathering(engine, fetch, enter(), 10**6)

        def read() -> Order:
            gathering.close()  # the client leaves while its request is being read
            return asker.order([Address("a"), squares()])

        gathering.begin(read)
        with pytest.raises(Cancelled):
            await asyncio.wait_for(asyncio.wrap_future(gathering.reply), 10)
        assert not asker.outcomes

    asyncio.run(run())
    assert not begun


def test_all_pictures_are_fetched_at_once(engine: FaceEngine, squares: Squares) -> None:
    asker, all_asked = Asker(engine), asyncio.Barrier(256)

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        await asyncio.wait_for(all_asked.wait(), 30)
        return squares()

    asker.ask(lambda: asker.order([Address(str(number)) for number in range(256)]), fetch)
    assert len(asker.outcomes) == 256
    assert all(isinstance(outcome, Analysis) for outcome in asker.outcomes)


def test_what_is_fetched_counts_as_if_it_had_been_sent(engine: FaceEngine, squares: Squares) -> None:
    asker, picture = Asker(engine), squares()

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        count(len(picture))
        return picture

    pictures = [Address(str(number)) for number in range(20)]
    asker.ask(lambda: asker.order(pictures), fetch, max_bytes=20 * len(picture))
    with pytest.raises(RequestTooLarge) as raised:
        asker.ask(lambda: asker.order(pictures), fetch, max_bytes=20 * len(picture) - 1)
    assert raised.value.limit == "max_request_bytes"


def test_no_more_is_held_than_a_request_may_have_however_many_pictures_come_at_once(engine: FaceEngine) -> None:
    """256 endless pictures that come by parts, in turns: the first part too many ends them all."""
    asker, held, most = Asker(engine), 0, 0

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        nonlocal held, most
        own = 0
        try:
            while True:
                await asyncio.sleep(0)  # the others' turn
                count(1000)
                own += 1000
                held += 1000
                most = max(most, held)
        finally:
            held -= own

    with pytest.raises(RequestTooLarge):
        asker.ask(lambda: asker.order([Address(str(number)) for number in range(256)]), fetch, max_bytes=10**6)
    assert (most, held) == (10**6, 0)


def test_what_came_of_a_picture_that_failed_does_not_count(engine: FaceEngine, squares: Squares) -> None:
    asker, picture = Asker(engine), squares()

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        count(len(picture))
        if name == "torn":
            raise PictureUnreachable("the connection was lost")
        return picture

    pictures = [Address("torn")] * 50 + [Address("whole")]
    asker.ask(lambda: asker.order(pictures), fetch, max_bytes=len(picture))
    assert [type(outcome) for outcome in asker.outcomes] == [PictureUnreachable] * 50 + [Analysis]


def test_what_other_threads_fetch_is_counted_too(engine: FaceEngine, squares: Squares) -> None:
    asker = Asker(engine)

    def read(count: Callable[[int], None]) -> bytes:
        for _ in range(1000):
            count(1)
        return squares()

    async def fetch(name: str, headers: Mapping[str, str], count: Callable[[int], None]) -> bytes:
        return await asyncio.to_thread(read, count)

    asker.ask(lambda: asker.order([Address(str(number)) for number in range(20)]), fetch, max_bytes=20_000)
    assert all(isinstance(outcome, Analysis) for outcome in asker.outcomes)


def test_an_outcome_is_an_analysis_or_raised() -> None:
    analysis = Analysis(1, 1, ())
    assert analysis_of(analysis) is analysis
    error = RequestTooLarge("too much", limit="max_request_bytes")
    with pytest.raises(RequestTooLarge) as alone:
        analysis_of(error)
    assert alone.value is error
    with pytest.raises(RequestTooLarge, match=r"^second picture: too much$") as named:
        analysis_of(error, "second picture")
    assert named.value.limit == "max_request_bytes"
