"""What all routes share, and the way every analysing request goes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.errors import DeadlineExceeded, NotReady, RequestError
from vultus.imaging.fetch import Fetcher
from vultus.runtime.ticket import Ticket
from vultus.server.access import charge_pictures
from vultus.server.admission import Admission, Place
from vultus.server.body import Pace, read_body, watched
from vultus.server.canary import Canary
from vultus.server.gathering import Gathering, Order, Outcome
from vultus.server.lifecycle import Lifecycle
from vultus.server.metrics import Metrics
from vultus.server.outage import Outage
from vultus.server.parts import PartLimits, check_parts
from vultus.server.record import note
from vultus.server.wire import Reply
from vultus.settings import Settings

TIMEOUT = "X-Request-Timeout"
"""Header in which a client says how many seconds its request is worth waiting for."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes of an application share.

    Attributes:
        settings: The server's.
        lifecycle: Has the engine.
        metrics: Where pictures are counted.
        fetcher: Gets pictures that clients name.
        canary: Knows whether the engine works.
        admission: Lets requests in, or refuses them.
    """

    settings: Settings
    lifecycle: Lifecycle
    metrics: Metrics
    fetcher: Fetcher
    canary: Canary
    admission: Admission

    @property
    def outage(self) -> Outage:
        """Whom to tell that what computes is away."""
        return Outage(self.lifecycle, self.canary)

    def engine(self) -> FaceEngine:
        """The engine for a request; who does not get it is counted as refused.

        Raises:
            NotReady: There is none (yet), or it takes on no more work.
        """
        try:
            return self.lifecycle.engine
        except NotReady:
            self.metrics.refusals.labels(self.lifecycle.state).inc()
            raise

    async def body(self, request: Request, hold: Callable[[int], object]) -> bytes:
        """A request's body, within the limits that are set; see ``read_body``."""
        pace = Pace(self.settings.read_timeout, self.settings.min_transfer_rate)
        return await read_body(request, self.settings.max_request_bytes, hold, pace)

    @asynccontextmanager
    async def enter(self, ticket: Ticket) -> AsyncIterator[Place]:
        """Let a request in; see ``Admission.enter``.

        Raises:
            Overloaded: There is too much work before it.
            TimeoutError: Its ticket expired within, or it was given up (``Place.aborted``).
        """
        with self.admission.enter(ticket) as place:
            async with asyncio.timeout(ticket.remaining()) as limit:
                place.on_abort = partial(_expire, limit)
                yield place

    async def answer(self, request: Request, read: Callable[[FaceEngine, bytes], Order]) -> Response:
        """Serve one request that analyses pictures.

        Args:
            request: The request, its body unread.
            read: Takes the body apart; runs on a worker thread.

        Raises:
            VultusError: The request fails as a whole.
        """
        engine = self.engine()
        seconds = _seconds(request, self.settings.request_timeout)
        ticket = Ticket.within(seconds)
        try:
            async with self.enter(ticket) as place:
                reply = await self._reply(request, engine, place, read)
        except TimeoutError:
            if place.aborted:
                raise NotReady("the server is ending, and the request was not done in time; send it again") from None
            raise _too_late(seconds, self.settings.request_timeout) from None
        return Response(reply.body, media_type=reply.media_type)

    async def _reply(
        self, request: Request, engine: FaceEngine, place: Place, read: Callable[[FaceEngine, bytes], Order]
    ) -> Reply:
        content_type = request.headers.get("content-type")
        body = [await self.body(request, place.hold_bytes)]  # in a list, to be let go of once it was read
        place.expect(1)
        gathering = Gathering(engine, self.fetcher.fetch, place, self.settings.max_request_bytes)

        def make_order() -> Order:
            check_parts(content_type, body[0], PartLimits.of(self.settings))
            order = read(engine, body.pop())
            charge_pictures(request, len(order.pictures))
            return self._counted(order)

        gathering.begin(make_order)
        try:
            with watched(request.receive, gathering.close):
                return await asyncio.wrap_future(gathering.reply)
        finally:
            gathering.close()

    def _counted(self, order: Order, *, again: bool = False) -> Order:
        count = self.metrics.stages if again else self.metrics.pictures

        def finish(outcomes: Sequence[Outcome]) -> Reply | Order:
            count(outcomes)
            note(outcomes, again=again)
            made = order.finish(outcomes)
            # An order that follows is for the same pictures: they were counted.
            return self._counted(made, again=True) if isinstance(made, Order) else made

        return replace(order, finish=finish)


def _seconds(request: Request, most: float) -> float:
    """Seconds a request may take: what its header says, at most ``most``; 0: as long as it wants.

    Raises:
        RequestError: The header is no positive number.
    """
    given = request.headers.get(TIMEOUT)
    if given is None:
        return most
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise RequestError(f"{TIMEOUT} must be a number of seconds above 0, such as 2.5")
    return min(seconds, most) if most else seconds


def _expire(limit: asyncio.Timeout) -> None:
    if not limit.expired():
        limit.reschedule(0)


def _too_late(seconds: float, most: float) -> DeadlineExceeded:
    if seconds < most or not most:
        return DeadlineExceeded(f"the request was not done within the {seconds:g} seconds of its {TIMEOUT}")
    return DeadlineExceeded(
        f"the request was not done within {seconds:g} seconds; send less at once or raise request_timeout",
        limit="request_timeout",
    )
