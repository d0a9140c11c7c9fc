"""How a worker leaves while others stay: it refuses nothing, for what is new finds its way to them."""

from __future__ import annotations

import math
import time

from vultus.server.departure import DepartingServer

LINGER = 5.0
"""Seconds that connections without a request get to send one: uvicorn does not keep idle ones for longer anyhow."""

_CLOSE = (b"connection", b"close")


class RetiringServer(DepartingServer):
    """A server that can also leave without a refusal."""

    _retired_at: float | None = None

    def retire(self) -> None:
        """Take no more connections, finish what is under way, and end; from any thread.

        A connection that is kept gets one more answer, which says that it closes. Were it closed at once, a request
        that is on its way would be lost. Requests under way get the departure's patience after ``LINGER``.
        """
        self._retired_at = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """See ``uvicorn.Server``: whether to end now."""
        ends = await super().on_tick(counter)
        if self._retired_at is None:
            return ends
        for server in self.servers:
            server.close()
        self.config.timeout_graceful_shutdown = math.ceil(self.departure.patience)
        headers = self.server_state.default_headers  # made anew every second, with the date
        if _CLOSE not in headers:
            self.server_state.default_headers = [*headers, _CLOSE]
        is_idle = not self.server_state.connections
        return ends or is_idle or time.monotonic() - self._retired_at >= LINGER
