"""Pictures that wait for their turn: requests take turns, and pixels are bounded."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from vultus.server.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Turn:
    """One picture that waits.

    Attributes:
        pixels: How many it has.
        start: Hands it to the engine; what it raises is for ``failed``.
        done: Told the future once the picture has been worked on.
        failed: Told why it could not be started.
    """

    pixels: int
    start: Callable[[], Future[Any]]
    done: Callable[[Future[Any]], None]
    failed: Callable[[Exception], None]


class Turns:
    """Starts pictures, as many at once as there are threads to work on them and as ``max_pixels`` allows.

    Requests take turns, picture by picture, so that one of many pictures does not hold up the others. A picture whose
    turn has come is not overtaken, and waits for nothing while it holds something; one that alone has more than
    ``max_pixels`` starts when no other is under way.

    What waits is held here and not in the engine's queue, so that it can be let go of at once.

    Args:
        max_pixels: Most pixels of pictures under way, together.
        metrics: Told who waits, how long, and what is under way.
        clock: Tells seconds.
    """

    def __init__(self, max_pixels: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.width = 1
        self._max_pixels = max_pixels
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: deque[Line] = deque()  # those in which a picture waits
        self._running = 0
        self._pixels = 0

    @property
    def waiting(self) -> int:
        """Pictures that have not been started."""
        with self._lock:
            return sum(len(line.turns) for line in self._lines)

    @property
    def running(self) -> tuple[int, int]:
        """Pictures under way, and their pixels."""
        with self._lock:
            return self._running, self._pixels

    def line(self) -> Line:
        """A line for one request's pictures."""
        return Line(self)

    def add(self, line: Line, turn: Turn) -> None:
        """Let a picture wait in its line; without effect once that is closed."""
        with self._lock:
            if line.closed:
                return
            if not line.turns:
                self._lines.append(line)
            line.turns.append((turn, self._clock()))
            self._metrics.pictures_waiting.inc()
        self._start_all()

    def close(self, line: Line) -> None:
        """Let go of what waits in a line."""
        with self._lock:
            line.closed = True
            if line.turns:
                self._lines.remove(line)
                self._metrics.pictures_waiting.dec(len(line.turns))
                line.turns.clear()
        self._start_all()  # what was at the head may have waited for more pixels than the next needs

    def _start_all(self) -> None:
        failures: list[tuple[Turn, Exception]] = []
        while turn := self._take():
            try:
                future = turn.start()
            except Exception as error:
                self._give_back(turn)
                failures.append((turn, error))
            else:
                future.add_done_callback(partial(self._ended, turn))
                future.add_done_callback(turn.done)
        for failed, reason in failures:  # not above: who is told closes a line, and so comes here again
            failed.failed(reason)

    def _take(self) -> Turn | None:
        with self._lock:
            if not self._lines or self._running >= self.width:
                return None
            line = self._lines[0]
            turn, since = line.turns[0]
            if self._running and self._pixels + turn.pixels > self._max_pixels:
                return None
            self._lines.popleft()
            line.turns.popleft()
            if line.turns:
                self._lines.append(line)
            self._running += 1
            self._pixels += turn.pixels
        self._metrics.started(turn.pixels, self._clock() - since)
        return turn

    def _ended(self, turn: Turn, _: Future[Any]) -> None:
        self._give_back(turn)
        self._start_all()  # before the answer is made: another thread may be idle

    def _give_back(self, turn: Turn) -> None:
        with self._lock:
            self._running -= 1
            self._pixels -= turn.pixels
        self._metrics.ended(turn.pixels)


class Line:
    """One request's pictures, in order. Its contents belong to ``Turns``.

    Args:
        turns: Where it stands.
    """

    def __init__(self, turns: Turns) -> None:
        self.turns: deque[tuple[Turn, float]] = deque()
        self.closed = False
        self._all = turns

    def add(self, turn: Turn) -> None:
        """Let a picture wait; without effect once the line is closed."""
        self._all.add(self, turn)

    def close(self) -> None:
        """Let go of what waits; what was started goes on."""
        self._all.close(self)
