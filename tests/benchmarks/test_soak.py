"""What the soak reads out of its samples; nothing is loaded here."""

from __future__ import annotations

import pytest

from benchmarks import places, soak
from benchmarks.hostile import jpegs
from benchmarks.hostile.bodies import bodies
from benchmarks.hostile.endpoints import endpoints
from vultus.bench.requests import Address

pytestmark = pytest.mark.unit


def test_the_slope_is_that_of_the_line_after_the_first_minute() -> None:
    seconds = [float(second) for second in range(601)]
    mib = [300 + second if second < 60 else 400 + 0.5 * second / 60 for second in seconds]
    assert soak.slope(seconds, mib) == pytest.approx(0.5)
    assert soak.slope(seconds[:30], mib[:30]) == 0


def test_the_mixture_is_what_it_says() -> None:
    try:
        requests = soak.mixture(Address.parse("http://127.0.0.1:1"))
    except places.Missing as missing:
        pytest.skip(str(missing))
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
