"""Where the time of one picture goes."""

from __future__ import annotations

import time


class Stopwatch:
    """Adds up seconds by stage; each ``mark`` closes the stage that began at the one before.

    Attributes:
        began: Unix time at which it was made, in seconds.
        seconds: By stage, in the order in which they were first marked.
    """

    __slots__ = ("_last", "began", "seconds")

    def __init__(self) -> None:
        self.began = time.time()
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """Book the time since the last mark on ``stage``."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
