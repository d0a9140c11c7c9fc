"""Admission: what may be under way at once. A request that is too much is refused before it costs anything."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from vultus.errors import Overloaded
from vultus.runtime.ticket import Ticket
from vultus.server.metrics import Metrics
from vultus.server.turns import Turns
from vultus.settings import Settings

PICTURES_PER_WORKER = 20
"""Pictures let in for each worker thread unless the settings say otherwise: about a second's work for one-face
pictures on a CPU (three threads a core, fifty pictures a second and core), so that clients wait no longer."""

_MEMORY = 5.0  # seconds of work after which a picture's weight in the measured rate has fallen to 1/e


class Admission:
    """Lets requests in, and knows what they hold.

    A request is let in while fewer pictures than ``max_queued_pictures`` wait or are worked on; it may then have as
    many as ``max_request_pictures``, so that large requests are not starved by small ones. Bytes never go beyond
    ``max_inflight_bytes``, but for a request that is alone. Where the work that is before it would outlast a request's
    deadline, it is told so at once. Pixels are bounded by ``turns``. Nothing that has been let in is hurt by a refusal.

    Args:
        settings: The server's.
        metrics: Told what is held and refused.
        clock: Tells seconds.

    Attributes:
        turns: Where pictures wait until they are started.
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.turns = Turns(settings.max_inflight_pixels, metrics, clock)
        self._metrics = metrics
        self._max_bytes = settings.max_inflight_bytes
        self._asked_pictures = settings.max_queued_pictures
        self._lock = threading.RLock()
        self._pace = Pace(clock)
        self._places: set[Place] = set()
        self._bytes = 0
        self._pictures = 0

    def equip(self, workers: int) -> None:
        """So many threads work on pictures from now on."""
        self.turns.width = workers

    @property
    def held(self) -> tuple[int, int, int]:
        """Requests let in, their pictures that are not done, and their bytes."""
        with self._lock:
            return len(self._places), self._pictures, self._bytes

    def check_room(self) -> None:
        """Say at once what ``enter`` would, as far as it does not depend on the request.

        Raises:
            Overloaded: There are as many pictures as may be.
        """
        with self._lock:
            self._check_pictures(self._pictures)

    def enter(self, ticket: Ticket) -> Place:
        """Let a request in; to be used in a ``with`` statement.

        Raises:
            Overloaded: There is too much work before it.
        """
        with self._lock:
            self._check_pictures(self._pictures)
            self._check_time(ticket)
            place = Place(self, ticket)
            self._places.add(place)
        return place

    def abort(self) -> None:
        """Give up every request under way."""
        with self._lock:
            places = list(self._places)
        for place in places:
            place.aborted = True
            place.on_abort()

    def hold_bytes(self, place: Place, size: int) -> None:
        """See ``Place.hold_bytes``."""
        with self._lock:
            if place.closed:
                return
            others = self._bytes - place.bytes
            if size > 0 and others and self._bytes + size > self._max_bytes:
                raise self._refusal(
                    "bytes",
                    f"requests under way hold {others} bytes, and max_inflight_bytes is {self._max_bytes}",
                    "max_inflight_bytes",
                )
            self._bytes += size
            place.bytes += size
            self._metrics.bytes_in_flight.inc(size)

    def hold_pictures(self, place: Place, count: int, *, refusable: bool) -> None:
        """See ``Place.expect`` and ``Place.keep``."""
        with self._lock:
            if place.closed:
                return
            if refusable and count > place.pictures:
                self._check_pictures(self._pictures - place.pictures)
            self._pictures += count - place.pictures
            place.pictures = count
            self._pace.go(is_busy=self._pictures > 0)

    def picture_done(self, place: Place) -> None:
        """See ``Place.done``."""
        with self._lock:
            if place.pictures:
                place.pictures -= 1
                self._pictures -= 1
                self._pace.count()
                self._pace.go(is_busy=self._pictures > 0)

    def leave(self, place: Place) -> None:
        """See ``Place.close``."""
        with self._lock:
            if place.closed:
                return
            place.closed = True
            self._places.remove(place)
            self._metrics.bytes_in_flight.dec(place.bytes)
            self._bytes -= place.bytes
            self._pictures -= place.pictures
            place.bytes = place.pictures = 0
            self._pace.go(is_busy=self._pictures > 0)
        place.line.close()

    def _check_pictures(self, held: int) -> None:
        most = self._asked_pictures or PICTURES_PER_WORKER * self.turns.width
        if held >= most:
            raise self._refusal(
                "pictures",
                f"{held} pictures wait or are worked on, and max_queued_pictures is {most}",
                "max_queued_pictures",
            )

    def _check_time(self, ticket: Ticket) -> None:
        # Requests take turns, so the first picture of this one waits for one of each, not for all of them.
        wait = min(self._pictures, len(self._places)) * self._pace.seconds
        remaining = ticket.remaining()
        if remaining is not None and wait > remaining:
            raise self._refusal("deadline", f"the work before it takes about {wait:.1f} seconds, beyond its deadline")

    def _refusal(self, reason: str, why: str, limit: str | None = None) -> Overloaded:
        self._metrics.refusals.labels(reason).inc()
        seconds = max(1, math.ceil(self._pictures * self._pace.seconds))
        return Overloaded(
            f"the request was refused: {why}; come again in {seconds} s", limit=limit, retry_after=seconds
        )


class Place:
    """What one request holds, until it is closed.

    Args:
        admission: Who let it in.
        ticket: The request's.

    Attributes:
        ticket: The request's.
        line: Where its pictures wait.
        bytes, pictures: What it holds.
        closed: Whether it holds nothing any more, and never will.
        aborted: Whether it was given up by ``Admission.abort``.
        on_abort: How to give it up; called on the event loop.
    """

    def __init__(self, admission: Admission, ticket: Ticket) -> None:
        self.ticket = ticket
        self.line = admission.turns.line()
        self.bytes = 0
        self.pictures = 0
        self.closed = False
        self.aborted = False
        self.on_abort: Callable[[], object] = lambda: None
        self._admission = admission

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hold_bytes(self, size: int) -> None:
        """Hold so many bytes more (fewer where negative).

        Raises:
            Overloaded: There are too many, and others hold some of them.
        """
        self._admission.hold_bytes(self, size)

    def expect(self, pictures: int) -> None:
        """Hold so many pictures in all, none of which has begun.

        Raises:
            Overloaded: Others hold all that may be held.
        """
        self._admission.hold_pictures(self, pictures, refusable=True)

    def keep(self, pictures: int) -> None:
        """Hold so many pictures in all, as there is more to do with them: what has begun is not refused."""
        self._admission.hold_pictures(self, pictures, refusable=False)

    def done(self) -> None:
        """One picture is done."""
        self._admission.picture_done(self)

    def close(self) -> None:
        """Give back all that is held at once, and let go of pictures that wait."""
        self._admission.leave(self)


class Pace:
    """Seconds of work a picture takes, all threads together, lately.

    Args:
        clock: Tells seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None  # when the last picture was done, or work began; None: there is none
        self._count = 0.0
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """Per picture; 0 before the first was done."""
        return self._seconds / self._count if self._count else 0.0

    def go(self, *, is_busy: bool) -> None:
        """Tell whether there is work: idle time is no picture's."""
        if not is_busy:
            self._since = None
        elif self._since is None:
            self._since = self._clock()

    def count(self) -> None:
        """One picture more is done."""
        now = self._clock()
        elapsed = now - (now if self._since is None else self._since)
        fade = math.exp(-elapsed / _MEMORY)
        self._count = self._count * fade + 1
        self._seconds = self._seconds * fade + elapsed
        self._since = now
