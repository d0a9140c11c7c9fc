"""What the server counts, in Prometheus' terms; one registry per application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from vultus.errors import VultusError
from vultus.runtime.network import Counts
from vultus.server import shared_metrics
from vultus.types import Analysis

MEDIA_TYPE = CONTENT_TYPE_LATEST

_REQUEST_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
_STAGE_BUCKETS = (0.0001, 0.0003, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 4.096)

_BATCHING: tuple[tuple[str, str, Callable[[Counts], int]], ...] = (
    ("vultus_batches", "Batches computed on the device.", lambda counts: counts.batches),
    ("vultus_batch_rows", "Rows in them that somebody wanted.", lambda counts: counts.rows),
    ("vultus_batch_padding", "Rows in them that nobody did.", lambda counts: counts.padding),
    ("vultus_batch_dropped", "Calls given up or too late before their turn came.", lambda counts: counts.dropped),
    ("vultus_batch_failures", "Batches that failed.", lambda counts: counts.failures),
    (
        "vultus_batch_dispatcher_deaths",
        "Times what hands out batches died and began anew.",
        lambda counts: counts.deaths,
    ),
)


class Metrics:
    """The server's instruments.

    Args:
        queue_length: Says how many jobs wait for a worker; asked at each scrape.
        ready: Says whether the engine can be used; asked at each scrape.
        batching: Says what batching has done, where there is any; asked at each scrape.
    """

    def __init__(
        self,
        queue_length: Callable[[], int],
        ready: Callable[[], bool],
        batching: Callable[[], Counts | None] = lambda: None,
    ) -> None:
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
        self.in_flight = self._gauge("vultus_requests_in_flight", "Requests being worked on.", "livesum")
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
        self._key_requests = Counter(
            "vultus_key_requests",
            "Requests with an API key, by outcome: accepted or an error's code; both, where refused for its pictures.",
            ("key", "outcome"),
            registry=registry,
        )
        self._states = (
            (self._gauge("vultus_queue_length", "Jobs that wait for a worker.", "livesum"), queue_length),
            (self._gauge("vultus_ready", "1 while the engine is warm and its self check passes.", "livemin"), ready),
        )

        self._batching = batching
        self._batched: Counts | None = None  # as they were last told; None: there are no such figures
        self._batch_counters: list[tuple[Counter, Callable[[Counts], int]]] = []

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def key_request(self, key: str, outcome: str) -> None:
        """Count a request of the API key of this name: accepted, or refused for an error's code."""
        self._key_requests.labels(key, outcome).inc()

    def pictures(self, outcomes: Sequence[Analysis | VultusError]) -> None:
        """Count the pictures of a request and what was found in them."""
        for outcome in outcomes:
            if isinstance(outcome, Analysis):
                self._pictures.labels("ok").inc()
                self._faces.inc(len(outcome.faces))
            else:
                self._pictures.labels(outcome.code).inc()
        self.stages(outcomes)

    def stages(self, outcomes: Sequence[Analysis | VultusError]) -> None:
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
        counts = self._batching()
        if counts is not None:
            self._count_batches(counts)

    def exposition(self) -> bytes:
        """All figures in the text format; those of all processes of the server together."""
        self.look()
        return shared_metrics.exposition(self._registry)

    def _count_batches(self, counts: Counts) -> None:
        if self._batched is None:  # made here, so that a server that does not batch tells nothing of it
            self._batched = Counts()
            self._batch_counters = [
                (Counter(name, documentation, registry=self._registry), of) for name, documentation, of in _BATCHING
            ]
        for counter, of in self._batch_counters:
            counter.inc(of(counts) - of(self._batched))
        self._batched = counts

    def _gauge(self, name: str, documentation: str, together: Literal["livesum", "livemin"]) -> Gauge:
        """What is asked rather than counted; ``together`` tells how it comes from several processes' figures."""
        return Gauge(name, documentation, registry=self._registry, multiprocess_mode=together)
