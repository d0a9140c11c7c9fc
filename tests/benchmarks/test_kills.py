"""What ``kill -9`` of a worker does, on made-up networks."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from benchmarks import kills
from benchmarks.kills import Kill
from benchmarks.load import Body
from benchmarks.server import Server

pytestmark = pytest.mark.integration


def test_the_worst_of_all_kills_counts() -> None:
    found = [Kill(4, 1.0, 0.2, 1.5, 3, 0), Kill(5, 6.0, 0.1, 0.5, 5, 1)]
    rows = {row.what: (row.value, row.met) for row in kills.rows(found, 1000, 0)}
    assert rows.items() >= {
        ("requests of other workers that were lost", (1, False)),
        ("longest until 2 workers were ready again", (6.0, False)),
        ("longest until its clients all had a good answer again", (1.5, None)),
        ("their requests that were lost: the ones under way", (8, None)),
        ("any other answer", (0, True)),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_worker_loses_no_more_than_what_it_had_under_way(
    monkeypatch: pytest.MonkeyPatch, squares: Callable[..., bytes]
) -> None:
    monkeypatch.setattr(kills, "_PATH", "/v1/faces")
    body = Body(squares((1, 1)), "image/png", "application/json", '"embedding":[')
    with Server([], runtime="dummy", workers="2", streams="1") as server:
        server.wait_for_workers(2)
        found, good, other = kills.attack(server, body, 2)
    assert len(found) == 2
    assert good > 2 * kills.CLIENTS
    assert other == 0
    for kill in found:
        assert kill.connections >= kills.CLIENTS // 2
        assert kill.lost <= kill.connections
        assert kill.lost_elsewhere == 0
        assert kill.back > 0
