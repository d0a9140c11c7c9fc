"""What ends a server of one process that is of no use any more, so that whoever runs it starts it anew.

Several processes have a supervisor, which replaces them. A process that is alone can only end itself, and says so by
its exit code: systemd, a container's restart policy and Kubernetes do the rest.
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import math
import os
import sys
import time
from collections.abc import Callable

from vultus.errors import NotReady, SelfCheckFailed
from vultus.server.canary import Canary

EXIT_STUCK = 3
"""Exit code of a process that ended because its engine was stuck; see ``cli.output.exit_code_of``."""

LEAST_SILENCE = 30.0
"""Seconds an event loop may stand still in any case: a server that ends in good order takes half of them."""

_FAREWELL = 30.0  # seconds to answer who waits and to end, before the process is cut off

logger = logging.getLogger(__name__)


class Watchdog:
    """Counts how long the self check has been failing, and arms a timer that the event loop has to put off.

    The timer is of ``faulthandler``: its thread is no Python thread, so it goes off whatever holds the interpreter, and
    writes to standard error where each thread stood. The exit code then is 1.

    Args:
        canary: Knows whether the engine works.
        patience: Seconds for which it may not, or the event loop may stand still.
        end: Told, once, why the server is to end: it answers who waits, and ends.
        clock: Tells seconds.
        arm: Has the process cut off after so many seconds, unless it is called again.
    """

    def __init__(
        self,
        canary: Canary,
        patience: float,
        end: Callable[[SelfCheckFailed], None],
        clock: Callable[[], float] = time.monotonic,
        arm: Callable[[float], None] = lambda seconds: faulthandler.dump_traceback_later(seconds, exit=True),
    ) -> None:
        self._canary = canary
        self._patience = patience
        self._end = end
        self._clock = clock
        self._arm = arm
        self._lost_since = math.inf
        self._has_barked = False

    async def beat(self) -> None:
        """The event loop turns; to be called every second."""
        if self._has_barked:
            return
        self._arm(max(self._patience, LEAST_SILENCE))
        try:
            self._canary.check()
        except NotReady:  # there is no engine, and somebody else knows why
            self._lost_since = math.inf
        except SelfCheckFailed as error:
            self._lost_since = min(self._lost_since, self._clock())
            if self._clock() - self._lost_since >= self._patience:
                self._bark(error)
        else:
            self._lost_since = math.inf

    def _bark(self, error: SelfCheckFailed) -> None:
        self._has_barked = True
        logger.critical("the engine has not worked for %g seconds (stuck_timeout): the server ends", self._patience)
        self._arm(_FAREWELL)
        self._end(SelfCheckFailed(f"the engine is stuck, and the server has ended: {error.message}"))


def disarm() -> None:
    """Take the timer back: the server has ended."""
    faulthandler.cancel_dump_traceback_later()


def leave_at_once() -> None:
    """End the process where Python would begin to clean up: a library that is stuck may keep that from ever ending."""
    atexit.register(_leave)


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_STUCK)
