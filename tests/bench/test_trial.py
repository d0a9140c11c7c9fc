"""A real load on a real server without weights, on loopback; nothing about how fast it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from vultus.bench.figures import Figures
from vultus.bench.load import Pace
from vultus.bench.processes import family
from vultus.bench.requests import Address, series
from vultus.bench.server import ServerProcess
from vultus.bench.trial import BUSY_CORES, LATE_MS, Target, Trial, probe, run_trial
from vultus.errors import RequestError, ServerUnreachable
from vultus.settings import Settings

PACE = Pace(connections=2, rate=None, seconds=0.4, warm_up=0.1, timeout=30)
FIGURES = Figures(1, 1, None, 0, None, {})


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with ServerProcess(Settings(runtime="dummy", streams=2)) as server:
        server.wait_ready()
        yield Target(Address.parse(server.url), "v1", "json", family(server.pid))


@pytest.mark.integration
def test_a_closed_and_an_open_loop(target: Target, squares: Callable[..., bytes]) -> None:
    requests = series(target.address, "v1", "json", [squares((3, 2))], 2)
    assert probe(target, requests[0]) == 2  # the picture twice
    closed = run_trial(target, requests, PACE, 2, faces=True)
    assert closed.figures.errors == {}
    assert closed.figures.pictures_per_second > 0
    assert (closed.offered, closed.late_ms) == (None, None)
    opened = run_trial(target, requests, replace(PACE, rate=10), 2, faces=True)
    assert (opened.offered, opened.figures.requests, opened.figures.errors) == (20, 4, {})
    assert opened.late_ms is not None
    if sys.platform == "linux":
        assert closed.server_cores is not None
        assert closed.server_mib is not None
        assert closed.server_mib > 1
    assert {"offered", "server_mib", "pictures_per_second"} < set(closed.record)


@pytest.mark.integration
def test_a_picture_without_a_face_is_a_failure_only_where_one_was_expected(
    target: Target, squares: Callable[..., bytes]
) -> None:
    requests = series(target.address, "v1", "json", [squares()], 1)
    assert probe(target, requests[0]) == 0
    trial = run_trial(target, requests, PACE, 1, faces=True)
    assert trial.figures.errors == {"no face": trial.figures.requests}
    assert run_trial(target, requests, PACE, 1, faces=False).figures.errors == {}


@pytest.mark.integration
def test_what_is_refused_is_found_out_before_the_load(target: Target) -> None:
    with pytest.raises(RequestError, match="cannot use a picture"):
        probe(target, series(target.address, "v1", "json", [b"no picture"], 1)[0])
    elsewhere = Target(replace(target.address, prefix="/nowhere"), "v1", "json")
    with pytest.raises(RequestError, match="status 404"):
        probe(elsewhere, series(elsewhere.address, "v1", "json", [b"x"], 1)[0])
    nobody = Target(replace(target.address, port=1), "v1", "json")
    with pytest.raises(ServerUnreachable, match="does not answer"):
        probe(nobody, series(nobody.address, "v1", "json", [b"x"], 1)[0])


@pytest.mark.unit
def test_a_load_generator_that_limits_is_warned_about() -> None:
    calm = Trial(10, 1, FIGURES, BUSY_CORES / 2, LATE_MS / 2, None, None, None)
    assert calm.warnings == []
    busy, late = replace(calm, generator_cores=0.95, late_ms=40).warnings
    assert "0.95 of its one core" in busy
    assert "late by 40 ms" in late
