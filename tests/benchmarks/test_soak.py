"""What the soak reads out of its samples; nothing is loaded here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.needed import needed

from benchmarks import soak, soak_plot
from benchmarks.hostile import jpegs
from benchmarks.hostile.bodies import bodies
from benchmarks.hostile.endpoints import endpoints
from vultus.bench.load import OK, Sample
from vultus.bench.requests import Address

pytestmark = pytest.mark.unit


def test_the_slope_is_that_of_the_line_after_the_first_minute() -> None:
    seconds = [float(second) for second in range(601)]
    mib = [300 + second if second < 60 else 400 + 0.5 * second / 60 for second in seconds]
    assert soak.slope(seconds, mib) == pytest.approx(0.5)
    assert soak.slope(seconds[:30], mib[:30]) == 0


def test_each_minute_is_told_by_when_its_requests_were_due() -> None:
    samples = [Sample(float(second), second + 0.1, OK) for second in range(60)]
    samples += [Sample(60.0 + second, 60.0 + second + (5.0 if second == 59 else 0.2), OK) for second in range(60)]
    samples.append(Sample(59.9, 130.0, "429"))
    first, second = soak.by_minute(samples)
    assert first == {"requests": 61, "good": 60, "p50_ms": 100.0, "p99_ms": pytest.approx(28100, abs=200)}
    assert (second["requests"], second["good"], second["p50_ms"]) == (60, 60, 200.0)


def test_the_picture_shows_all_minutes() -> None:
    minutes = [{"requests": 9, "good": 9, "p50_ms": 20.0, "p99_ms": 90.0}] * 3
    detail = {"seconds": list(range(180)), "mib": [400.0] * 180, "minutes": minutes}
    rows = [{"what": "memory slope after the first minute", "value": 0.25}]
    drawn = cv2.imdecode(
        np.frombuffer(soak_plot.draw({"title": "soak", "detail": detail, "rows": rows}), np.uint8), cv2.IMREAD_COLOR
    )
    assert drawn is not None
    assert drawn.shape == (600, 900, 3)
    assert drawn.std() > 0  # something was drawn


def test_the_mixture_is_what_it_says() -> None:
    with needed():
        requests = soak.mixture(Address.parse("http://127.0.0.1:1"))
    assert len(requests) == 100
    hostile = [request for request in requests if not request.marker]
    assert len(hostile) == 100 * soak.HOSTILE
    assert len({request.content for request in hostile}) == len(hostile)
    for request in requests:
        head, _, body = request.content.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head


def test_what_is_hostile_comes_from_the_corpus_and_has_to_be_refused() -> None:
    pictures = {picture.name: picture for picture in jpegs.pictures()}
    assert all("fine" not in pictures[name].expect for name, _ in soak.HOSTILE_PICTURES)
    by_name = {endpoint.name: endpoint for endpoint in endpoints()}
    for name, endpoint in soak.HOSTILE_BODIES:
        (body,) = (body for body in bodies(by_name[endpoint]) if body.name == name)
        assert body.is_refused
    assert len(soak.HOSTILE_PICTURES) + len(soak.HOSTILE_BODIES) == 100 * soak.HOSTILE
