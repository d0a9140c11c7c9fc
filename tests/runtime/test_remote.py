"""Fronts and device servers in one process, over real sockets and shared memory."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.shared_device import House, ProbeRuntime, until
from tests.runtime.test_batching import PATIENCE, POISON, rows

from vultus.errors import Cancelled, DeadlineExceeded, EngineError, IncompatibleGraph, NotReady
from vultus.runtime import channel, device, link
from vultus.runtime.batching import BatchingNetwork
from vultus.runtime.device import DeviceServer
from vultus.runtime.link import DeviceGone
from vultus.runtime.network import Network
from vultus.runtime.simulated import SimulatedRuntime
from vultus.runtime.ticket import Ticket
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


class Held:
    """A device that answers each batch only when it is let go, and a front that has loaded its network."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.runtime = ProbeRuntime(manual=True)
        self.server = house.open(self.runtime)
        self.front = house.front()
        self.remote = house.load(self.front)
        self.probe = self.runtime.probe
        self.probe.wait_until_busy()  # with the row that told the shapes
        self.probe.batches.clear()

    @property
    def network(self) -> BatchingNetwork:
        assert self.runtime.network
        return self.runtime.network

    def until_waiting(self, count: int) -> None:
        until(lambda: self.network.turns.rows == count)


@pytest.fixture
def held(house: House) -> Held:
    return Held(house)


@pytest.mark.parametrize("name", ["scrfd_500m", "w600k_mbf", "genderage"])
def test_outputs_are_those_of_the_engine_itself_and_the_callers_own(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(link, "PIECE", 300_000)  # so that some calls go in pieces
    runtime = SimulatedRuntime()
    house.open(runtime)
    front = house.front()
    assert (front.name, front.device, front.precision, front.needs_files) == ("dummy", "simulated", "f32", False)
    assert set(front.families or ()) == set(runtime.families)
    model = house.catalogue.model(name)
    remote, local = (each.load(model, Path(model.file), model.input) for each in (front, runtime))
    assert remote.spec == local.spec
    kept = []
    for count in (1, 3, 20):
        shape = (count, model.input.height, model.input.width, 3)
        batch = np.random.default_rng(count).integers(0, 256, shape, np.uint8)
        kept.append((remote.run(batch, Ticket()), local.run(batch, Ticket())))
    for outputs, expected in kept:
        assert len(outputs) == len(expected)
        for output, other in zip(outputs, expected, strict=True):
            assert output.dtype == other.dtype
            np.testing.assert_array_equal(output, other)


def test_a_network_is_loaded_once_whoever_asks(house: House) -> None:
    runtime = ProbeRuntime()
    house.open(runtime)
    fronts = [house.front(), house.front()]
    networks = [house.load(front) for front in (*fronts, fronts[0])]
    assert [house.call(network, 7).result(PATIENCE) for network in networks] == [[7], [7], [7]]
    assert runtime.loads == 1


def test_rows_of_two_fronts_meet_in_a_batch(held: Held) -> None:
    other = held.house.load(held.house.front())
    first = held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    waiting = [held.house.call(held.remote, 2, 3), held.house.call(other, 4, 5)]
    held.until_waiting(4)
    held.probe.let_go(2)
    assert [future.result(PATIENCE) for future in (first, *waiting)] == [[1], [2, 3], [4, 5]]
    assert held.probe.batches[0] == [1]
    assert sorted(held.probe.batches[1]) == [2, 3, 4, 5]


def test_calls_of_one_ticket_share_its_turn(held: Held) -> None:
    held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    crowd = Ticket()
    for start in (20, 40):
        held.house.call(held.remote, *range(start, start + 8), ticket=crowd)
    held.until_waiting(16)
    held.house.call(held.remote, *range(60, 68))
    held.until_waiting(24)
    held.probe.let_go()
    held.probe.wait_until_busy()
    assert sum(value >= 60 for value in held.probe.batches[1]) == 4  # half of eight: there are two tickets


def test_urgent_rows_leave_first(held: Held) -> None:
    held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    held.house.call(held.remote, *range(20, 28))
    held.until_waiting(8)
    held.house.call(held.remote, *range(40, 48), ticket=Ticket(priority=-1))
    held.until_waiting(16)
    held.probe.let_go()
    held.probe.wait_until_busy()
    assert held.probe.batches[1] == list(range(40, 48))


def test_a_wait_ends_at_the_deadline_and_the_rows_are_not_computed(held: Held) -> None:
    stuck = held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    with pytest.raises(DeadlineExceeded):
        held.house.call(held.remote, 66, ticket=Ticket.within(0.05)).result(PATIENCE)
    assert not stuck.done()
    held.probe.let_go(2)
    assert stuck.result(PATIENCE) == [1]
    assert held.house.call(held.remote, 4).result(PATIENCE) == [4]
    assert held.probe.batches == [[1], [4]]
    assert held.runtime.counts.dropped == 1


def test_a_ticket_that_is_given_up_is_given_up_in_the_device_process(held: Held) -> None:
    first = held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    ticket = Ticket()
    abandoned, kept = held.house.call(held.remote, 66, ticket=ticket), held.house.call(held.remote, 3)
    held.until_waiting(2)
    ticket.cancel()
    other = held.house.call(held.remote, 5)  # its message follows that of the ticket
    held.until_waiting(3)
    held.probe.let_go(3)
    with pytest.raises(Cancelled):
        abandoned.result(PATIENCE)
    assert [future.result(PATIENCE) for future in (first, kept, other)] == [[1], [3], [5]]
    assert not any(66 in batch for batch in held.probe.batches)


def test_memory_of_an_abandoned_call_is_not_lent_before_the_device_has_let_go_of_it(held: Held) -> None:
    late = held.house.call(held.remote, 5, ticket=Ticket.within(0.2))
    held.probe.wait_until_busy()  # with this very row
    with pytest.raises(DeadlineExceeded):
        late.result(PATIENCE)
    other = held.house.call(held.remote, 6)
    held.until_waiting(1)
    held.probe.let_go(2)
    assert other.result(PATIENCE) == [6]
    assert held.probe.batches == [[5], [6]]


def test_a_poisonous_row_fails_its_own_caller_alone(held: Held) -> None:
    held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    poisoned, good = held.house.call(held.remote, POISON), held.house.call(held.remote, 2)
    held.until_waiting(2)
    held.probe.let_go(10)
    with pytest.raises(EngineError, match="probe could not be computed on the device: a row is poisonous"):
        poisoned.result(PATIENCE)
    assert good.result(PATIENCE) == [2]


def test_a_spent_ticket_and_an_empty_batch_cost_nothing(held: Held) -> None:
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        held.remote.run(rows(1), ticket)
    with pytest.raises(ValueError, match="one row"):
        held.remote.run(rows(1)[:0], Ticket())
    assert held.probe.batches == []


def test_a_network_that_cannot_be_loaded_is_the_error_it_is(house: House) -> None:
    house.open(ProbeRuntime())
    front = house.front()
    with pytest.raises(IncompatibleGraph, match=r"broken\.onnx cannot be run as w600k_mbf"):
        house.load(front, "broken.onnx")
    assert house.call(house.load(front), 7).result(PATIENCE) == [7]


def test_when_the_device_process_goes_all_who_wait_are_told_and_the_next_one_takes_its_place(house: House) -> None:
    lost, found = threading.Semaphore(0), threading.Semaphore(0)
    first = ProbeRuntime(manual=True)
    server = house.open(first)
    front = house.front(on_lost=lost.release, on_found=found.release)
    network = house.load(front)
    first.probe.wait_until_busy()
    waiting = [house.call(network, 1) for _ in range(5)]
    first.probe.wait_until_busy()
    server.close()
    for future in waiting:
        with pytest.raises(DeviceGone, match="started again"):
            future.result(PATIENCE)
    assert lost.acquire(timeout=PATIENCE)
    with pytest.raises(NotReady):  # at once, not when the next one is there
        network.run(rows(1), Ticket())
    second = ProbeRuntime()
    house.open(second)
    assert found.acquire(timeout=PATIENCE)
    assert second.loads == 1
    assert house.call(network, 9).result(PATIENCE) == [9]


def test_a_network_asked_for_while_there_is_no_device_process_is_loaded_by_the_next(house: House) -> None:
    lost = threading.Event()
    server = house.open(ProbeRuntime())
    front = house.front(on_lost=lost.set)
    server.close()
    assert lost.wait(PATIENCE)
    loaded: list[Network] = []
    loading = threading.Thread(target=lambda: loaded.append(house.load(front)))
    loading.start()
    house.open(ProbeRuntime())
    loading.join(PATIENCE)
    assert house.call(loaded[0], 8).result(PATIENCE) == [8]


def test_what_is_closed_runs_nothing_more(held: Held) -> None:
    stuck = held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    held.front.close()
    with pytest.raises(NotReady):
        stuck.result(PATIENCE)
    with pytest.raises(NotReady):
        held.remote.run(rows(1), Ticket())
    with pytest.raises(NotReady):
        held.house.load(held.front)


def test_a_front_that_makes_no_sense_is_cut_and_others_are_not(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    mad = channel.connect(held.house.place)
    greeting = mad.receive()
    assert greeting
    mad.send(("run", 1, 2, 3, 4, 5))
    assert mad.receive() is None
    assert "makes no sense" in caplog.text
    future = held.house.call(held.remote, 3)
    held.probe.let_go()
    assert future.result(PATIENCE) == [3]


def test_a_device_that_hangs_says_so_and_one_whose_dispatcher_died_goes_on(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held.server.lost is None
    held.house.call(held.remote, 1)
    held.probe.wait_until_busy()
    assert held.server.lost is None
    monkeypatch.setattr(device, "STUCK", 0.0)
    assert "has not been computed" in str(held.server.lost)
    held.probe.broken = SystemExit()
    held.probe.let_go()
    until(lambda: held.runtime.counts.deaths)
    assert held.server.lost is None
    held.probe.broken = None
    later = held.house.call(held.remote, 2)
    held.probe.let_go()
    assert later.result(PATIENCE) == [2]


class Deadly(ProbeRuntime):
    """Ends the connections of all fronts while it loads one file, as a process that dies of it does."""

    server: DeviceServer

    def load(self, model: Model, path: Path, spec: InputSpec) -> BatchingNetwork:
        if path.name == "deadly.onnx":
            with self.server._news:  # whoever asks may have come this very moment
                for front in self.server._fronts:
                    front.cut()
            raise IncompatibleGraph("nobody is told any more")
        return super().load(model, path, spec)


def test_a_network_that_every_device_process_dies_of_is_given_up(house: House) -> None:
    runtime = Deadly()
    runtime.server = house.open(runtime)
    front = house.front()
    loading = house.pool.submit(house.load, front, "deadly.onnx")
    with pytest.raises(DeviceGone):
        loading.result(PATIENCE)
    assert house.call(house.load(front), 7).result(PATIENCE) == [7]


def test_a_device_that_fails_whatever_it_is_given_says_so(house: House) -> None:
    runtime = ProbeRuntime()
    server = house.open(runtime)
    network = house.load(house.front())
    runtime.probe.broken = RuntimeError("an illegal memory access")
    with pytest.raises(EngineError):
        house.call(network, 1).result(PATIENCE)
    assert server.lost is None
    with pytest.raises(EngineError):
        house.call(network, 2).result(PATIENCE)
    until(lambda: server.lost)
    assert "an illegal memory access" in str(server.lost)
    runtime.probe.broken = None
    assert house.call(network, 3).result(PATIENCE) == [3]
    assert server.lost is None


def test_pictures_that_no_device_can_compute_do_not_speak_against_it(house: House) -> None:
    runtime = ProbeRuntime()
    server = house.open(runtime)
    network = house.load(house.front())
    for _ in range(6):
        with pytest.raises(EngineError):
            house.call(network, POISON).result(PATIENCE)
    until(lambda: runtime.probe.batches[-1] == [0])
    assert server.lost is None


class Flaky(socket.socket):
    """A listener that has no descriptor left for the first who comes."""

    failures = 0

    def accept(self) -> tuple[socket.socket, object]:
        if not self.failures:
            type(self).failures += 1
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


def test_a_connection_that_cannot_be_accepted_is_later(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "_PAUSE", 0.0)
    monkeypatch.setattr(Flaky, "failures", 0)
    house.listener = Flaky(fileno=house.listener.detach())
    server = house.open(ProbeRuntime())
    assert house.call(house.load(house.front()), 7).result(PATIENCE) == [7]
    assert "too many open files" in caplog.text
    assert server.lost is None
