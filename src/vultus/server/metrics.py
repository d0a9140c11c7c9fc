"""What the server counts, in Prometheus' terms; one registry per application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from vultus.server import shared_metrics
from vultus.types import Analysis

MEDIA_TYPE = CONTENT_TYPE_LATEST

_REQUEST_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
_STAGE_BUCKETS = (0.0001, 0.0003, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 4.096)


class Metrics:
    """The server's instruments.

    Args:
        queue_length: Says how many jobs wait for a worker; asked at each scrape.
        ready: Says whether the engine can be used; asked at each scrape.
    """

    def __init__(self, queue_length: Callable[[], int], ready: Callable[[], bool]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("vultus_requests", "Requests answered.", ("route", "status"), registry=registry)
        self._request_seconds = Histogram(
            "vultus_request_seconds",
            "Time from a request's first byte to its answer.",
            ("route",),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "vultus_stage_seconds",
            "Time one picture spent in a stage.",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self._pictures = Counter(
            "vultus_pictures", "Pictures, by outcome: ok or an error's code.", ("outcome",), registry=registry
        )
        self._faces = Counter("vultus_faces", "Faces answered.", registry=registry)
        self.in_flight = Gauge(
            "vultus_requests_in_flight", "Requests being worked on.", registry=registry, multiprocess_mode="livesum"
        )
        self.pictures_waiting = self._gauge("vultus_pictures_waiting", "Pictures that wait for their turn.", "livesum")
        self._pictures_in_flight = self._gauge(
            "vultus_pictures_in_flight", "Pictures handed to the engine and not done.", "livesum"
        )
        self._pixels_in_flight = self._gauge("vultus_pixels_in_flight", "Pixels of those pictures.", "livesum")
        self.bytes_in_flight = self._gauge(
            "vultus_bytes_in_flight", "Bytes of requests under way, as sent, announced and fetched.", "livesum"
        )
        self._wait_seconds = Histogram(
            "vultus_wait_seconds",
            "Time a picture waited for its turn, before work on it began.",
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.refusals = Counter(
            "vultus_refusals", "Requests refused before work on them began.", ("reason",), registry=registry
        )
        self._states = (
            (self._gauge("vultus_queue_length", "Jobs that wait for a worker.", "livesum"), queue_length),
            (self._gauge("vultus_ready", "1 once the engine is warm.", "livemin"), ready),
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def pictures(self, outcomes: Sequence[Analysis | Exception]) -> None:
        """Count the pictures of a request and what was found in them."""
        for outcome in outcomes:
            if isinstance(outcome, Analysis):
                self._pictures.labels("ok").inc()
                self._faces.inc(len(outcome.faces))
            else:
                self._pictures.labels(getattr(outcome, "code", "internal_error")).inc()
        self.stages(outcomes)

    def stages(self, outcomes: Sequence[Analysis | Exception]) -> None:
        """Count the time that was spent on pictures."""
        for outcome in outcomes:
            if isinstance(outcome, Analysis):
                for stage, seconds in outcome.seconds.items():
                    self._stage_seconds.labels(stage).observe(seconds)

    def started(self, pixels: int, waited: float) -> None:
        """Count a picture that is handed to the engine, after so many seconds."""
        self.pictures_waiting.dec()
        self._pictures_in_flight.inc()
        self._pixels_in_flight.inc(pixels)
        self._wait_seconds.observe(waited)

    def ended(self, pixels: int) -> None:
        """Count a picture that the engine is done with."""
        self._pictures_in_flight.dec()
        self._pixels_in_flight.dec(pixels)

    def look(self) -> None:
        """Note how things stand, for other processes' scrapes."""
        for gauge, state in self._states:
            gauge.set(state())

    def exposition(self) -> bytes:
        """All figures in the text format; those of all processes of the server together."""
        self.look()
        return shared_metrics.exposition(self._registry)

    def _gauge(self, name: str, documentation: str, together: Literal["livesum", "livemin"]) -> Gauge:
        """What is asked rather than counted; ``together`` tells how it comes from several processes' figures."""
        return Gauge(name, documentation, registry=self._registry, multiprocess_mode=together)
