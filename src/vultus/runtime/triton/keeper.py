"""Looks after a server every second: whether it is still there, and holds what it held."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from vultus.errors import VultusError
from vultus.runtime.triton.protocol import Failure, Late

PERIOD = 1.0
"""Seconds between two looks; who finds that the server is gone has it looked for at once."""

SILENCE = 30.0
"""Seconds for which a server that takes connections may leave looks unanswered: it may just be busy."""

_GONE = "the Triton server is not there; it is looked for every second, so send the request again soon"
_CHANGED = "the Triton server has come back with other networks, which are not used"

logger = logging.getLogger(__name__)


class Keeper:
    """Knows whether a server can be used.

    Args:
        look: Raises ``Failure`` where the server does not answer, ``VultusError`` where it is not as it has to be.
        on_lost: Told, in words for clients, that the server cannot be used any more; told again should that change.
        on_found: Told that it can be again.
        clock: Tells seconds.

    Attributes:
        absence: Why it cannot be used, in words for clients; ``None``: it can.
    """

    def __init__(
        self,
        look: Callable[[], None],
        on_lost: Callable[[str], None],
        on_found: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.absence: str | None = None
        self._check = look
        self._on_lost = on_lost
        self._on_found = on_found
        self._clock = clock
        self._last_good = clock()
        self._is_closed = False
        self._nudge = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vultus-triton-keeper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def suspect(self) -> None:
        """Have somebody look at once."""
        self._nudge.set()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._nudge.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look once, and tell what has changed."""
        try:
            self._check()
        except Late as failure:
            if self.absence is not None or self._clock() - self._last_good >= SILENCE:
                self._lose(_GONE, failure)
        except Failure as failure:
            self._lose(_GONE, failure)
        except VultusError as error:
            self._lose(_CHANGED, error)
        except Exception as error:  # a bug must not end the looking
            logger.exception("the Triton server could not be looked after")
            self._lose(_GONE, error)
        else:
            self._last_good = self._clock()
            if self.absence is not None:
                logger.info("the Triton server is there again")
                self.absence = None
                self._on_found()

    def _keep(self) -> None:
        while not self._is_closed:
            self._nudge.wait(PERIOD)
            self._nudge.clear()
            if not self._is_closed:
                self.look()

    def _lose(self, absence: str, error: Exception) -> None:
        if absence != self.absence:
            logger.error("the Triton server cannot be used: %s", error)
            self.absence = absence
            self._on_lost(absence)
