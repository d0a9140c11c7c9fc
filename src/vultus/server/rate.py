"""How often something may happen: a token bucket, and those that belong to one API key."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from vultus.errors import RateLimited, VultusError
from vultus.server.metrics import Metrics
from vultus.settings.keys import ApiKey, Rate

E = TypeVar("E", bound=VultusError)

_ROUNDING = 1e-9  # tokens: who waits exactly as long as told must not be a hair short


class TokenBucket:
    """Tokens that come back at a steady rate, up to a burst (A. Tanenbaum, Computer Networks). Any thread may take.

    Args:
        rate: What may be taken.
        share: Of it that this bucket has; the rest is others'. It always holds one token.
        clock: Seconds that pass steadily.
    """

    def __init__(self, rate: Rate, share: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate.rate * share
        self._burst = max(1.0, rate.burst * share)
        self._clock = clock
        self._tokens = self._burst
        self._filled = clock()
        self._lock = threading.Lock()

    def take(self, count: int) -> float:
        """Take tokens, if there are so many. More than fit are given if it is full, and have to come back first.

        Returns:
            Seconds until they can be had; 0: they were taken.
        """
        with self._lock:
            wait = self._wait(count)
            if not wait:
                self._tokens -= count
            return wait

    def wait(self, count: int) -> float:
        """Seconds until so many tokens can be had; 0: they can."""
        with self._lock:
            return self._wait(count)

    def _wait(self, count: int) -> float:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        missing = min(count, self._burst) - self._tokens
        return missing / self._rate if missing > _ROUNDING else 0.0


class Allowance:
    """What one key may still send.

    Args:
        key: The key.
        share: Of its rates that this process has.
        metrics: Where its requests are counted.
        clock: Seconds that pass steadily.
    """

    def __init__(
        self, key: ApiKey, share: float, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.key = key
        self._metrics = metrics
        self._requests = key.requests and TokenBucket(key.requests, share, clock)
        self._pictures = key.pictures and TokenBucket(key.pictures, share, clock)

    def request(self) -> None:
        """Count a request, of which nothing was read but its head.

        Raises:
            RateLimited: There were too many, or too many pictures.
        """
        if self._requests:
            self._check(self._requests.take(1), "requests", self.key.requests)
        if self._pictures:
            self._check(self._pictures.wait(1), "pictures", self.key.pictures)
        self._metrics.key_request(self.key.name, "accepted")

    def pictures(self, count: int) -> None:
        """Count the pictures of a request, before any work is done on them.

        Raises:
            RateLimited: There were too many.
        """
        if self._pictures:
            self._check(self._pictures.take(count), "pictures", self.key.pictures)

    def refused(self, error: E) -> E:
        """The error for which a request of the key is refused, counted."""
        self._metrics.key_request(self.key.name, error.code)
        self._metrics.refusals.labels(error.code).inc()
        return error

    def _check(self, wait: float, what: str, rate: Rate | None) -> None:
        if wait:
            raise self.refused(
                RateLimited(
                    f"the API key may send {rate} {what} a second (rate/burst) and has sent more; "
                    "send it again when Retry-After has passed",
                    limit="keys",
                    retry_after=math.ceil(wait),
                )
            )
