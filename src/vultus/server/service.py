"""What all routes share, and the way every analysing request goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.errors import DeadlineExceeded
from vultus.imaging.fetch import Fetcher
from vultus.runtime.ticket import Ticket
from vultus.server.body import call_on_disconnect, read_body
from vultus.server.canary import Canary
from vultus.server.gathering import Gathering, Order, Outcome
from vultus.server.lifecycle import Lifecycle
from vultus.server.metrics import Metrics
from vultus.server.wire import Reply
from vultus.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes of an application share.

    Attributes:
        settings: The server's.
        lifecycle: Has the engine.
        metrics: Where pictures are counted.
        fetcher: Gets pictures that clients name.
        canary: Knows whether the engine works.
    """

    settings: Settings
    lifecycle: Lifecycle
    metrics: Metrics
    fetcher: Fetcher
    canary: Canary

    async def answer(self, request: Request, read: Callable[[FaceEngine, bytes], Order]) -> Response:
        """Serve one request that analyses pictures.

        Args:
            request: The request, its body unread.
            read: Takes the body apart; runs on a worker thread.

        Raises:
            VultusError: The request fails as a whole.
        """
        engine = self.lifecycle.engine
        ticket = Ticket.within(self.settings.request_timeout)
        try:
            async with asyncio.timeout(ticket.remaining()):
                body = await read_body(request, self.settings.max_request_bytes)
                gathering = Gathering(engine, self.fetcher.fetch, ticket, self.settings.max_request_bytes)
                gathering.begin(lambda: self._counted(read(engine, body), self.metrics.pictures))
                watch = asyncio.create_task(call_on_disconnect(request.receive, gathering.close))
                try:
                    reply = await asyncio.wrap_future(gathering.reply)
                finally:
                    watch.cancel()
                    gathering.close()
        except TimeoutError:
            raise DeadlineExceeded(
                f"the request was not done within {self.settings.request_timeout:g} seconds; "
                "send less at once or raise request_timeout",
                limit="request_timeout",
            ) from None
        return Response(reply.body, reply.status, media_type=reply.media_type)

    def _counted(self, order: Order, count: Callable[[Sequence[Outcome]], None]) -> Order:
        def finish(outcomes: Sequence[Outcome]) -> Reply | Order:
            count(outcomes)
            made = order.finish(outcomes)
            # An order that follows is for the same pictures: they were counted.
            return self._counted(made, self.metrics.stages) if isinstance(made, Order) else made

        return replace(order, finish=finish)
