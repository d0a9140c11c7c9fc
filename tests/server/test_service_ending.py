"""What the server does when it is asked to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from tests.server.house import House, body, tell

from vultus.server.departure import Departure

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

LOAD = 2 * 640 * 640
"""Pixels of a picture of squares as they count: those of a PNG double."""


def test_a_server_that_is_to_end_refuses_new_work_and_finishes_the_old(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    house = House(start_app)
    departure = Departure(house.service.lifecycle, house.service.admission, 30)

    async def run() -> Any:
        house.engine.shut()
        under_way = asyncio.create_task(house.post(squares((1, 1))))
        await house.engine.come()
        departure.begin()
        early = departure.is_over()
        ready, new = await house.client.get_async("/ready"), await house.post(squares())
        alive, figures = await house.client.get_async("/live"), await house.client.get_async("/metrics")
        house.engine.gate.set()
        done = await under_way
        return early, ready, new, alive, figures, done, departure.is_over()

    early, ready, new, alive, figures, done, over = house.client.run(run())
    assert (early, over) == (False, True)
    for refused in (ready, new):
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert refused.headers["connection"] == "close"
    assert alive.status_code == 200
    assert 'vultus_refusals_total{reason="ending"} 1.0' in figures.text
    assert "vultus_ready 0.0" in figures.text
    assert (done.status_code, done.headers["connection"]) == (200, "close")


def test_what_takes_too_long_for_a_server_that_is_to_end_is_told_so(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    house = House(start_app)
    departure = Departure(house.service.lifecycle, house.service.admission, 0)

    async def run() -> Any:
        house.engine.shut()
        working = asyncio.create_task(house.post(squares()))
        await house.engine.come()
        sending = asyncio.create_task(tell(house.client.app, [body(b"abc", more=True)]))
        await house.until_held(((2, 1, len(squares()) + 3), (1, LOAD), 0, 0))
        departure.begin()
        over = departure.is_over()
        answers = await working, await asyncio.wait_for(sending, 30)
        house.engine.gate.set()
        return over, *answers

    over, worked, sent = house.client.run(run())
    assert over
    assert (worked.status_code, worked.json()["code"]) == (503, "not_ready")
    assert "ending" in worked.json()["detail"]
    assert (sent[0]["status"], orjson.loads(sent[1]["body"])["code"]) == (503, "not_ready")
