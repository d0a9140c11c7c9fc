"""One request's work: taken apart, done and put together on worker threads, so that the event loop waits only once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from vultus.engine import FaceEngine
from vultus.errors import Cancelled, PictureError, RequestTooLarge, VultusError, WrongCropSize
from vultus.imaging.announced import announced_load
from vultus.memory import without_frames
from vultus.server.admission import Place
from vultus.server.turns import Turn
from vultus.server.wire import Reply
from vultus.types import Analysis, Plan, Profile

Outcome: TypeAlias = Analysis | VultusError
"""What became of one picture."""


def analysis_of(outcome: Outcome, which: str = "") -> Analysis:
    """What the picture showed.

    Args:
        outcome: What became of it.
        which: Names the picture in the error, where a request has several.

    Raises:
        VultusError: The outcome, if it is one.
    """
    if isinstance(outcome, Analysis):
        return outcome
    if which:
        raise type(outcome)(f"{which}: {outcome.message}", limit=outcome.limit)
    raise outcome


@dataclass(frozen=True, slots=True)
class Address:
    """A picture that is named rather than sent: an http(s) address or a file name, and headers to fetch it with."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)


Fetch: TypeAlias = Callable[[str, Mapping[str, str], Callable[[int], None]], Coroutine[None, None, bytes]]
"""Gets the bytes of an address's name with its headers; tells the length of each part before it is kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks for, read from its body.

    Attributes:
        pictures: Encoded bytes, addresses, or the error that stands in a picture's place.
        plan: What to compute.
        profile: How.
        finish: Makes the answer of the outcomes, one for each picture in order, or the order for what else has to be
            known of the same pictures first; runs on a worker thread.
    """

    pictures: Sequence[bytes | Address | VultusError]
    plan: Plan
    profile: Profile
    finish: Callable[[Sequence[Outcome]], Reply | Order]


class Gathering:
    """Pictures of one request on their way; the thread that brings the last one finishes the answer.

    A picture's own fault (``PictureError``, ``WrongCropSize``) becomes its outcome; any other error ends the request.

    Args:
        engine: Does the work.
        fetch: Gets the bytes of an address; runs on the event loop.
        place: What the request holds, and where its pictures wait for their turn.
        max_fetched: Most bytes of fetched pictures that are held for it, all pictures together.
    """

    def __init__(self, engine: FaceEngine, fetch: Fetch, place: Place, max_fetched: int) -> None:
        self.reply: Future[Reply] = Future()
        self.reply.set_running_or_notify_cancel()  # from here on it is this object alone that decides its fate
        self._engine = engine
        self._fetch = fetch
        self._place = place
        self._ticket = place.ticket
        self._allowance = max_fetched
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._fetching: Future[None] | None = None
        self._outcomes: list[Outcome | None] = []
        self._missing = 0

    def begin(self, read: Callable[[], Order]) -> None:
        """Queue the request; ``read`` takes its body apart, on a worker thread."""
        self._engine.workers.submit_for(self._ticket, lambda: self._accept(read())).add_done_callback(self._sent)

    def close(self) -> None:
        """Give up what is still under way, and let nothing more begin; without effect on what is done."""
        self._fail(Cancelled("the request was given up by its caller"))

    def _accept(self, order: Order) -> None:
        self._place.expect(len(order.pictures))
        self._send(order)

    def _send(self, order: Order) -> None:
        self._order = order
        self._missing = len(order.pictures)
        self._outcomes = [None] * self._missing
        if not order.pictures:
            self._finish()
        named = [(place, picture) for place, picture in enumerate(order.pictures) if isinstance(picture, Address)]
        if named:
            self._start_fetching(named)
        for place, picture in enumerate(order.pictures):
            self._ticket.check()
            if isinstance(picture, VultusError):
                self._arrive(place, picture)
            elif isinstance(picture, bytes):
                self._analyze(place, picture)

    def _sent(self, sent: Future[None]) -> None:
        if error := sent.exception():
            self._fail(error)

    def _start_fetching(self, named: Sequence[tuple[int, Address]]) -> None:
        with self._lock:
            self._ticket.check()  # spent before ``_fail`` looks for what is to be cancelled
            self._fetching = asyncio.run_coroutine_threadsafe(self._fetch_all(named), self._loop)

    async def _fetch_all(self, named: Sequence[tuple[int, Address]]) -> None:
        await asyncio.gather(*(self._fetch_one(place, address) for place, address in named))

    async def _fetch_one(self, place: int, address: Address) -> None:
        """Fetch a picture; everything but the hand-over is left to workers."""
        held = 0

        def count(size: int) -> None:
            nonlocal held
            self._spend(size)
            held += size

        try:
            try:
                picture = await self._fetch(address.name, address.headers, count)
            except PictureError as error:
                self._spend(-held)  # what came of it is not kept
                arrival = self._engine.workers.submit(self._arrive, place, without_frames(error))
            else:
                arrival = self._engine.workers.submit(self._analyze, place, picture)
            arrival.add_done_callback(self._sent)
        except Exception as error:
            self._fail(error)

    def _spend(self, size: int) -> None:
        self._place.hold_bytes(size)
        with self._lock:
            self._allowance -= size
            is_overdrawn = self._allowance < 0
        if is_overdrawn:
            raise RequestTooLarge(
                "the pictures the request names have more bytes together than max_request_bytes; "
                "name fewer at once or raise it",
                limit="max_request_bytes",
            )

    def _analyze(self, place: int, picture: bytes) -> None:
        order = self._order
        pixels = announced_load(picture, self._engine.settings.max_picture_pixels)
        start = partial(self._engine.submit, picture, order.plan, order.profile, self._ticket)
        self._place.line.add(Turn(pixels, start, partial(self._analyzed, place), self._fail))

    def _analyzed(self, place: int, done: Future[Analysis]) -> None:
        error = done.exception()
        if error is None:
            self._arrive(place, done.result())
        elif isinstance(error, PictureError | WrongCropSize):
            self._arrive(place, without_frames(error))
        else:
            self._fail(error)

    def _arrive(self, place: int, outcome: Outcome) -> None:
        self._place.done()
        with self._lock:
            self._outcomes[place] = outcome
            self._missing -= 1
            is_last = not self._missing
        if is_last:
            self._finish()

    def _finish(self) -> None:
        try:
            self._ticket.check()
            reply = self._order.finish([outcome for outcome in self._outcomes if outcome is not None])
            if isinstance(reply, Order):
                self._place.keep(len(reply.pictures))
                self._send(reply)
                return
        except BaseException as error:
            self._fail(error)
            return
        with self._lock:
            if not self.reply.done():
                self.reply.set_result(reply)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._ticket.cancel()
            fetching = self._fetching
            if not self.reply.done():
                self.reply.set_exception(error)
        if fetching:
            fetching.cancel()
        self._place.line.close()
