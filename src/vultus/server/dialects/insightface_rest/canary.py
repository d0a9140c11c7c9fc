"""The self check: an empty picture and an empty crop sent through the engine, ahead of ordinary work."""

from __future__ import annotations

import asyncio
import math
import time

import numpy as np

from vultus.engine import FaceEngine
from vultus.errors import EngineError
from vultus.runtime.ticket import Ticket
from vultus.types import Plan, Profile

PATIENCE = 1.0
"""Seconds one check waits for its canary."""

LONGEST = 60.0
"""Seconds without any worker free for a canary, though it goes first, that count as broken rather than busy."""

_PRIORITY = -1  # before ordinary work, which has 0
_SIDE = 64  # pixels of the picture


class Canary:
    """Checks one engine; to be used on one event loop.

    There is one canary under way at a time, whatever the number of checks, and it is as cheap as a small picture. While
    all workers are busy it waits, and the server is called healthy: that no worker has had time for it yet says nothing
    against them. Only after ``LONGEST`` seconds they are held to be stuck.
    """

    def __init__(self) -> None:
        self._flight: asyncio.Task[None] | None = None
        self._since = 0.0

    async def check(self, engine: FaceEngine, profile: Profile) -> None:
        """See whether the engine works; ends within ``PATIENCE`` seconds.

        Raises:
            VultusError: It does not.
        """
        flight = self._flight
        if flight is None or flight.done():
            flight = self._flight = asyncio.create_task(_fly(engine, profile))
            self._since = time.monotonic()
        await asyncio.wait((flight,), timeout=PATIENCE)
        if flight.done():
            flight.result()
        elif time.monotonic() - self._since >= LONGEST:
            raise EngineError(f"no worker has had time for a self check for {LONGEST:g} seconds")


async def _fly(engine: FaceEngine, profile: Profile) -> None:
    ticket = Ticket(priority=_PRIORITY)
    flights = [engine.submit(_empty(_SIDE), Plan(embeddings=False), profile, ticket)]
    if profile.embedder and (crop := engine.model(profile.embedder).crop):
        flights.append(engine.submit(_empty(crop.size), Plan(detect=False), profile, ticket))
    for analysis in await asyncio.gather(*map(asyncio.wrap_future, flights)):
        if not all(math.isfinite(face.norm or 0.0) for face in analysis.faces):
            raise EngineError("the embedder answers with numbers that are not finite")


def _empty(side: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.zeros((side, side, 3), np.uint8)
