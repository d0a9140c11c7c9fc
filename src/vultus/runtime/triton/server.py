"""The server as networks see it: asked again where that is safe, over shared memory where it is near."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vultus.errors import DeadlineExceeded, EngineError, NotReady, VultusError
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.call import Call
from vultus.runtime.triton.keeper import Keeper
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.protocol import Failure, Late, Lost, Transport, Unknown

_GONE = "the Triton server is not there; send the request again soon"

logger = logging.getLogger(__name__)


class TritonGone(NotReady):
    """The server cannot be used now; it is looked for without anybody asking for it."""


class Server:
    """Where networks are computed. Safe to use from many threads.

    Args:
        transport: To the server.
        keeper: Knows whether it can be used.
        make_regions: Makes memory to share with it; ``None``: everything is sent.
    """

    def __init__(self, transport: Transport, keeper: Keeper, make_regions: Callable[[], Regions] | None = None) -> None:
        self._transport = transport
        self._keeper = keeper
        self._make_regions = make_regions
        self._regions = make_regions() if make_regions else None

    @property
    def shares_memory(self) -> bool:
        """Whether anything is shared."""
        return self._regions is not None

    def compute(self, call: Call, ticket: Ticket) -> None:
        """Have rows computed.

        A network comes to the same however often it is run, so where nobody answers it is asked once more: a connection
        that was kept may have been closed meanwhile, or there are other servers behind the address.

        Raises:
            TritonGone: The server cannot be used.
            Cancelled, DeadlineExceeded: The ticket is spent.
            EngineError: The server failed on these rows.
        """
        try:
            try:
                self._attempt(call, ticket)
            except Lost:
                self._attempt(call, ticket)
        except Lost as failure:
            self._keeper.suspect()
            ticket.check()
            raise TritonGone(_GONE) from failure
        except Late as failure:
            ticket.check()
            raise DeadlineExceeded("the Triton server did not answer in time") from failure
        except Failure as failure:
            self._keeper.suspect()  # somebody may have taken the network away
            raise _as_told(call.model, failure) from failure

    def forget_memory(self) -> None:
        """Share memory anew: the server is another one, and knows none of what was shared before."""
        if self._make_regions:
            self._regions = self._make_regions()

    def close(self) -> None:
        """Let go of the memory, and end the connections."""
        if self._regions and self._keeper.absence is None:
            self._regions.close()
        self._transport.close()

    def _attempt(self, call: Call, ticket: Ticket) -> None:
        """Ask once.

        Raises:
            Failure: It was in vain; ``Lost``: whoever knows no more of the memory that is shared is another server.
        """
        ticket.check()
        if self._keeper.absence is not None:
            raise TritonGone(self._keeper.absence)
        regions = self._regions
        if regions is None:
            call.send(self._transport, ticket)
            return
        try:
            call.share(self._transport, regions, ticket)
        except (Lost, Late):
            raise
        except Failure as failure:
            if "shared memory" not in failure.message.lower():
                raise
            if self._regions is regions:
                self.forget_memory()
            raise Lost(failure.message) from failure


def _as_told(model: str, failure: Failure) -> VultusError:
    """What callers are told of a failure that is not for lack of a server."""
    logger.error("the Triton server failed on %s: %s", model, failure.message)
    if isinstance(failure, Unknown):
        return TritonGone(f"the Triton server has no {model} any more")
    return EngineError(f"{model} could not be computed by the Triton server: {failure.message}")
