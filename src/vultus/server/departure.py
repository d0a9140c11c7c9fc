"""How the server ends: it takes on no more work, finishes what is under way, and gives up what takes too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from vultus.server.admission import Admission
from vultus.server.lifecycle import Lifecycle

_GRACE = 5  # seconds that answers to what was given up get to be sent


class Departure:
    """From the request to end until there is nothing left to wait for.

    Args:
        lifecycle: Told at once, so that new requests are refused.
        admission: Knows what is under way.
        patience: Seconds it gets.
        clock: Tells seconds.

    Attributes:
        patience: As given.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        admission: Admission,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lifecycle = lifecycle
        self._admission = admission
        self.patience = patience
        self._clock = clock
        self._deadline: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the server was asked to end."""
        return self._deadline is not None

    def begin(self, patience: float | None = None) -> None:
        """Take on no more work. May be called by a signal's handler.

        Args:
            patience: Seconds that what is under way gets, if others than usual.
        """
        if not self.begun:
            self._deadline = self._clock() + (self.patience if patience is None else patience)
            self._lifecycle.drain()

    def is_over(self) -> bool:
        """Whether nothing is under way any more. To be asked now and then, on the event loop: gives up what is late."""
        if self._deadline is None:
            return False
        if self._clock() >= self._deadline:
            self._admission.abort()
            return True
        requests, _, _ = self._admission.held
        return not requests


class DepartingServer(uvicorn.Server):
    """Uvicorn that answers until the last request under way is done; asked to end a second time, it ends at once.

    Args:
        config: Uvicorn's.
        departure: The application's.
    """

    def __init__(self, config: uvicorn.Config, departure: Departure) -> None:
        super().__init__(config)
        config.timeout_graceful_shutdown = _GRACE
        self.departure = departure

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``."""
        if self.departure.begun or not self.started:
            super().handle_exit(sig, frame)
        else:
            self.departure.begin()

    async def on_tick(self, counter: int) -> bool:
        """See ``uvicorn.Server``: whether to end now."""
        return await super().on_tick(counter) or self.departure.is_over()
