"""A real worker with the dummy engine, watched as the supervisor would."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from pathlib import Path

import httpx
import numpy as np
import pytest

from vultus.errors import UnknownModel
from vultus.runtime import channel
from vultus.runtime.remote import RemoteRuntime
from vultus.runtime.ticket import Ticket
from vultus.server import process
from vultus.server.device import DeviceOrder
from vultus.server.listening import listen
from vultus.server.process import DeviceProcess, WorkerProcess
from vultus.server.worker import Order
from vultus.settings import Settings
from vultus.types import InputSpec
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

TIMEOUT = 60
Start = Callable[..., WorkerProcess]


def watch(worker: WorkerProcess, until: Callable[[], object]) -> None:
    """Take in its news until something holds."""
    deadline = time.monotonic() + TIMEOUT
    while not until():
        assert time.monotonic() < deadline
        wait(worker.wakers, 0.1)
        worker.look()


@pytest.fixture
def url() -> list[str]:
    """Where the worker that was started last is."""
    return []


@pytest.fixture
def start(tmp_path: Path, url: list[str]) -> Iterator[Start]:
    workers: list[WorkerProcess] = []
    with listen("127.0.0.1", 0) as listener:

        def begin(*, is_first: bool = True, **given: str) -> WorkerProcess:
            settings = Settings.model_validate({"runtime": "dummy", "streams": 1, **given})
            workers.append(WorkerProcess(Order(settings, 0, len(workers), tmp_path, is_first), listener))
            url[:] = [f"http://127.0.0.1:{listener.getsockname()[1]}"]
            return workers[-1]

        yield begin
        for worker in workers:
            worker.kill()
            worker.bury()


def test_it_gets_ready_serves_and_ends_when_asked_to(start: Start, url: list[str]) -> None:
    worker = start()
    watch(worker, lambda: worker.ready)
    assert worker.lost is None
    assert httpx.get(f"{url[0]}/ready", timeout=TIMEOUT).status_code == 200
    worker.end()
    watch(worker, lambda: worker.is_gone)
    assert worker.exit_code == 0


def test_one_that_retires_ends_too(start: Start) -> None:
    worker = start(is_first=False)
    watch(worker, lambda: worker.ready)
    worker.retire()
    watch(worker, lambda: worker.is_gone)
    assert worker.exit_code == 0


def test_it_tells_why_it_cannot_start(start: Start) -> None:
    worker = start(pack="no-such-pack")
    watch(worker, lambda: worker.is_gone)
    worker.look()
    assert worker.failed
    assert isinstance(worker.failed.error, UnknownModel)
    assert "no-such-pack" in worker.failed.error.message


def test_one_whose_event_loop_stops_is_lost_and_killed_when_patience_ends(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start(drain_timeout="0")
    watch(worker, lambda: worker.ready)
    monkeypatch.setattr(process, "SILENCE", 2.0)
    monkeypatch.setattr(process, "PATIENCE", 0.0)
    assert worker.pid
    os.kill(worker.pid, signal.SIGSTOP)
    watch(worker, lambda: worker.lost)
    worker.retire()
    watch(worker, lambda: worker.is_gone)
    assert worker.exit_code == -signal.SIGKILL


def test_one_that_took_no_connection_need_not_be_asked(start: Start) -> None:
    worker = start(is_first=False)
    worker.end()
    watch(worker, lambda: worker.is_gone)
    assert worker.exit_code == -signal.SIGKILL


def test_signals_of_the_terminal_are_not_for_workers(start: Start, url: list[str]) -> None:
    worker = start()
    assert worker.pid
    for number in (signal.SIGINT, signal.SIGHUP):  # at the first moment of its life
        os.kill(worker.pid, number)
    watch(worker, lambda: worker.ready)
    assert httpx.get(f"{url[0]}/live", timeout=TIMEOUT).status_code == 200


def test_a_device_process_obeys_no_signal_and_ends_when_told_to(tmp_path: Path) -> None:
    settings = Settings(runtime="dummy", device="simulated")
    with channel.listen(tmp_path / "device") as listener:
        device = DeviceProcess(DeviceOrder(settings, 0, 0, tmp_path, is_first=True), listener)
        assert device.pid
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # at the first moment of its life
            os.kill(device.pid, number)
        watch(device, lambda: device.ready)
        front = RemoteRuntime(tmp_path / "device")
        device.end()
        network = front.load(Catalogue.load().model("w600k_mbf"), Path(), InputSpec(8, 8))
        assert network.run(np.zeros((1, 8, 8, 3), np.uint8), Ticket())[0].shape == (1, 512)
        front.close()
        watch(device, lambda: device.is_gone)
        device.bury()
    assert device.exit_code == 0


def test_a_stuck_device_process_makes_room_at_once(tmp_path: Path) -> None:
    settings = Settings(runtime="dummy", device="simulated")
    with channel.listen(tmp_path / "device") as listener:
        device = DeviceProcess(DeviceOrder(settings, 0, 0, tmp_path, is_first=True), listener)
        watch(device, lambda: device.ready)
        device.retire()
        watch(device, lambda: device.is_gone)
        device.bury()
    assert device.exit_code == -signal.SIGKILL
