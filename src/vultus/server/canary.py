"""The self check: an empty picture and an empty crop, sent through the engine every now and then."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

import numpy as np

from vultus.engine import FaceEngine
from vultus.errors import EngineError, NotReady, SelfCheckFailed
from vultus.runtime.ticket import Ticket
from vultus.types import Plan

INTERVAL = 15.0
"""Seconds from one flight's end to the next one's start."""

STALE = 60.0
"""Seconds after which the last good flight says nothing any more: four intervals, for a canary goes before ordinary
work and waits only until the first worker is done with its picture."""

_PRIORITY = -1  # before ordinary work, which has 0
_SIDE = 64  # pixels of the picture

logger = logging.getLogger(__name__)


class Canary:
    """Knows whether the engine works without asking it: who wants to know is told how the last flight ended.

    Args:
        engine: Gets the engine; raises ``NotReady`` where there is none.
        clock: Tells seconds.
        pause: Lets seconds pass.
    """

    def __init__(
        self,
        engine: Callable[[], FaceEngine],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._pause = pause
        self._last_good = -math.inf
        self._error: str | None = None

    def check(self) -> None:
        """Tell the last result; nothing is computed, and nobody waits.

        Raises:
            NotReady: There is no engine (yet).
            SelfCheckFailed: The last flight failed, or there was none for ``STALE`` seconds.
        """
        self._engine()
        if self._error is not None:
            raise SelfCheckFailed(self._error)
        if self._clock() - self._last_good >= STALE:
            raise SelfCheckFailed(f"no self check has come back for {STALE:g} seconds; are all workers stuck?")

    @property
    def good(self) -> bool:
        """Whether there is an engine, and ``check`` has nothing to say."""
        try:
            self.check()
        except (NotReady, SelfCheckFailed):
            return False
        return True

    def passed(self) -> None:
        """Note that the engine has just been seen to work."""
        self._last_good = self._clock()
        self._error = None

    async def watch(self) -> None:
        """Fly again and again while there is an engine, until cancelled."""
        while True:
            await self._pause(INTERVAL)
            try:
                await self.fly()
            except NotReady:  # what has not begun, or is being closed, cannot be checked
                continue
            except Exception as error:
                self._note(error)

    async def fly(self) -> None:
        """One flight: find faces in an empty picture, embed and describe an empty crop, so that every network runs.

        Raises:
            NotReady: There is no engine (yet).
            VultusError: The engine does not work.
        """
        engine = self._engine()
        profile = engine.default_profile
        ticket = Ticket(priority=_PRIORITY, is_hurried=False)
        try:
            async with asyncio.timeout(STALE):  # a flight that is lost must not keep the next one on the ground
                flights = [engine.submit(_empty(_SIDE), Plan(embeddings=False), profile, ticket)]
                if profile.embedder and (crop := engine.model(profile.embedder).crop):
                    told = Plan(detect=False, attributes=frozenset(engine.tellers(profile)))
                    flights.append(engine.submit(_empty(crop.size), told, profile, ticket))
                await asyncio.gather(*map(asyncio.wrap_future, flights))
        except TimeoutError:
            raise EngineError(f"a self check was not done within {STALE:g} seconds; is a worker stuck?") from None
        finally:
            ticket.cancel()
        self.passed()

    def _note(self, error: Exception) -> None:
        self._error = f"the last self check failed: {error}"
        logger.error("%s", self._error)


def _empty(side: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.zeros((side, side, 3), np.uint8)
