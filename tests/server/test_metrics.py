from __future__ import annotations

from unittest.mock import ANY

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from vultus.errors import CorruptPicture
from vultus.runtime.network import Counts
from vultus.server.metrics import Metrics
from vultus.types import Analysis, Face

pytestmark = pytest.mark.unit


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Name and label values -> value, as Prometheus would read them."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_and_timed_by_route() -> None:
    metrics = Metrics(lambda: 0, lambda: True)
    metrics.request("/v1/faces", 200, 0.25)
    metrics.request("/v1/faces", 200, 0.5)
    metrics.request("/v1/faces", 413, 0.25)
    found = samples(metrics)
    assert found["vultus_requests_total", "/v1/faces", "200"] == 2
    assert found["vultus_requests_total", "/v1/faces", "413"] == 1
    assert found["vultus_request_seconds_sum", "/v1/faces"] == 1.0
    assert found["vultus_request_seconds_count", "/v1/faces"] == 3


def test_pictures_are_counted_by_outcome_and_timed_by_stage() -> None:
    face = Face(np.zeros(4, np.float32), 0.9)
    metrics = Metrics(lambda: 0, lambda: True)
    metrics.pictures(
        [
            Analysis(10, 10, (face, face), seconds={"decode": 0.25, "detect": 0.5}),
            CorruptPicture("cut off"),
            Analysis(10, 10, (), seconds={"decode": 0.25}),
        ]
    )
    found = samples(metrics)
    assert found["vultus_pictures_total", "ok"] == 2
    assert found["vultus_pictures_total", "picture_corrupt"] == 1
    assert found["vultus_faces_total",] == 2
    assert found["vultus_stage_seconds_sum", "decode"] == 0.5
    assert found["vultus_stage_seconds_count", "detect"] == 1


def test_pictures_are_counted_while_they_wait_and_while_they_are_worked_on() -> None:
    metrics = Metrics(lambda: 0, lambda: True)
    metrics.pictures_waiting.inc(2)
    metrics.started(1000, 0.25)
    found = samples(metrics)
    assert found["vultus_pictures_waiting",] == 1
    assert found["vultus_pictures_in_flight",] == 1
    assert found["vultus_pixels_in_flight",] == 1000
    assert (found["vultus_wait_seconds_sum",], found["vultus_wait_seconds_count",]) == (0.25, 1)
    metrics.ended(1000)
    found = samples(metrics)
    assert (found["vultus_pictures_in_flight",], found["vultus_pixels_in_flight",]) == (0, 0)


def test_queue_and_readiness_are_asked_at_each_scrape() -> None:
    waiting = [3]
    metrics = Metrics(lambda: waiting[0], lambda: waiting[0] < 4)
    assert samples(metrics)["vultus_queue_length",] == 3
    assert samples(metrics)["vultus_ready",] == 1
    waiting[0] = 4
    assert samples(metrics)["vultus_queue_length",] == 4
    assert samples(metrics)["vultus_ready",] == 0


def test_what_batching_has_done_is_asked_at_each_scrape_and_only_grows() -> None:
    counts = Counts(batches=2, rows=10, padding=6, dropped=1)
    metrics = Metrics(lambda: 0, lambda: True, lambda: counts)
    names = ("vultus_batches", "vultus_batch_rows", "vultus_batch_padding", "vultus_batch_dropped")
    found = samples(metrics)
    assert [found[f"{name}_total",] for name in names] == [2, 10, 6, 1]
    assert found["vultus_batch_failures_total",] == 0
    assert samples(metrics) == found | {key: ANY for key in found if key[0].endswith("_created")}
    counts = Counts(batches=3, rows=18, padding=6, dropped=1, failures=2)
    found = samples(metrics)
    assert [found[f"{name}_total",] for name in names] == [3, 18, 6, 1]
    assert found["vultus_batch_failures_total",] == 2


def test_where_nothing_is_batched_nothing_is_told_of_it() -> None:
    assert not [name for name, *_ in samples(Metrics(lambda: 0, lambda: True)) if "batch" in name]


def test_two_applications_do_not_share_figures() -> None:
    first, second = Metrics(lambda: 0, lambda: True), Metrics(lambda: 0, lambda: True)
    first.request("/live", 200, 0.1)
    assert ("vultus_requests_total", "/live", "200") not in samples(second)
