from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from vultus.runtime.ticket import Ticket
from vultus.server.admission import Admission
from vultus.server.departure import DepartingServer, Departure
from vultus.server.metrics import Metrics
from vultus.settings import Settings

pytestmark = pytest.mark.unit


class Setting:
    """A departure with ten seconds' patience, and what it speaks to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.drained = 0
        self.admission = Admission(Settings(), Metrics(lambda: 0, lambda: True))
        lifecycle: Any = SimpleNamespace(drain=self.drain)
        self.departure = Departure(lifecycle, self.admission, 10.0, lambda: self.now)

    def drain(self) -> None:
        self.drained += 1

    def server(self) -> DepartingServer:
        return DepartingServer(uvicorn.Config(lambda: None), self.departure)


def test_nothing_is_over_before_it_has_begun() -> None:
    setting = Setting()
    assert not setting.departure.begun
    assert not setting.departure.is_over()


def test_it_is_over_when_the_last_request_is_done() -> None:
    setting = Setting()
    with setting.admission.enter(Ticket()):
        setting.departure.begin()
        assert setting.departure.begun
        assert not setting.departure.is_over()
    assert setting.departure.is_over()


def test_what_is_late_is_given_up() -> None:
    setting = Setting()
    aborted: list[bool] = []
    with setting.admission.enter(Ticket()) as place:
        place.on_abort = lambda: aborted.append(True)
        setting.departure.begin()
        setting.now += 9.9
        assert not setting.departure.is_over()
        setting.departure.begin()  # asked again: no more time than before
        setting.now += 0.1
        assert setting.departure.is_over()
    assert (aborted, setting.drained) == ([True], 1)


def test_a_signal_begins_and_a_second_one_ends() -> None:
    setting = Setting()
    server = setting.server()
    server.started = True
    with setting.admission.enter(Ticket()):
        server.handle_exit(signal.SIGTERM, None)
        assert setting.departure.begun
        assert not asyncio.run(server.on_tick(1))
        server.handle_exit(signal.SIGTERM, None)
        assert asyncio.run(server.on_tick(2))


def test_a_server_ends_once_nothing_is_under_way() -> None:
    setting = Setting()
    server = setting.server()
    server.started = True
    assert not asyncio.run(server.on_tick(1))
    server.handle_exit(signal.SIGTERM, None)
    assert asyncio.run(server.on_tick(2))


def test_a_server_that_has_not_started_ends_at_once() -> None:
    setting = Setting()
    server = setting.server()
    server.handle_exit(signal.SIGINT, None)
    assert server.should_exit
    assert not setting.departure.begun


def test_it_may_be_over_at_once() -> None:
    setting = Setting()
    aborted: list[None] = []
    with setting.admission.enter(Ticket()) as place:
        place.on_abort = lambda: aborted.append(None)
        setting.departure.begin(patience=0.0)
        assert setting.departure.is_over()
    assert aborted == [None]
