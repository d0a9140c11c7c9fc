"""Two servers in turn, and what their rates say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import bodies, dialects, load
from benchmarks.load import Body, Load
from vultus.server.dialects import DIALECTS


def stretch(per_second: int) -> Load:
    return Load(per_second, per_second, 1.0, 1.0, 1.0, 1.0, 1.0, {})


@pytest.mark.unit
@pytest.mark.parametrize(("with_all", "met"), [(97, True), (96, False)])
def test_the_bar_is_on_the_median_of_paired_ratios(with_all: int, met: bool) -> None:
    # Both rates fall by half in the second round, as on a machine that slows down: of no consequence.
    loads = {"one": [stretch(100), stretch(50)], "all": [stretch(with_all), stretch(50)]}
    loads["one"].append(stretch(100))
    loads["all"].append(stretch(with_all))
    rows = {row.what: row for row in dialects.report_rows(loads)}
    assert rows["all against one: share of the throughput"].value == pytest.approx(with_all / 100)
    assert rows["all against one: share of the throughput"].met is met
    assert rows["one dialect mounted: throughput"].value == 100


@pytest.mark.unit
def test_one_server_has_the_dialect_that_is_asked_and_the_other_all() -> None:
    assert dialects.MOUNTED["one"] == "insightface-rest"
    assert set(dialects.MOUNTED["all"].split(",")) == set(DIALECTS) > {"insightface-rest"}


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs the load generator wrk")
def test_both_servers_are_loaded_with_pictures_in_which_they_find_faces(
    monkeypatch: pytest.MonkeyPatch, squares: Callable[..., bytes]
) -> None:
    asked: list[tuple[str, int]] = []
    real = load.run

    def noted(url: str, body: Body, connections: int, seconds: float) -> Load:
        asked.append((url, connections))
        return real(url, body, connections, seconds)

    monkeypatch.setattr(load, "run", noted)
    loads = dialects.measure(bodies.extract_json([squares((4, 4))]), 1, 2, [Path()], runtime="dummy")
    assert [len(loads[name]) for name in ("one", "all")] == [2, 2]
    assert all(found.good > 0 for rounds in loads.values() for found in rounds)
    one, every = (url for url, connections in asked if connections == 1)  # warming up
    assert one != every
    assert [url for url, connections in asked if connections == 8] == [one, every, every, one]
