from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tests.runtime.triton.conftest import NAME, SHA, rows
from tests.runtime.triton.fake import ALL, POISON, FakeModel, FakeServer, Refusal, invalid
from tests.runtime.triton.stub import StubTransport

from vultus.errors import (
    DeadlineExceeded,
    DeviceUnavailable,
    EngineError,
    HashMismatch,
    IncompatibleGraph,
    ModelUnavailable,
    NotReady,
    PrecisionUnavailable,
    ServerUnreachable,
)
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton import keeper, server
from vultus.runtime.triton import runtime as module
from vultus.runtime.triton.address import Address
from vultus.runtime.triton.protocol import BINARY, SHARED, Late
from vultus.runtime.triton.runtime import TritonRuntime
from vultus.runtime.workers import Workers
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit

PATIENCE = 10.0
NO_FILE = Path("probe.onnx")


class House:
    """Makes runtimes, and hears what they tell."""

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        self.workers = Workers(2)
        self.lost, self.found = threading.Semaphore(0), threading.Semaphore(0)
        self.reasons: list[str] = []
        self._runtimes: list[TritonRuntime] = []

    def open(self, precision: str = "f32", **given: Any) -> TritonRuntime:
        address = Address.parse(self.fake.url)
        runtime = TritonRuntime(
            address,
            precision,
            self.workers,
            **{"patience": PATIENCE, "on_lost": self._lose, "on_found": self.found.release, **given},
        )
        self._runtimes.append(runtime)
        return runtime

    def close(self) -> None:
        for runtime in self._runtimes:
            runtime.close()
        self.workers.close()

    def _lose(self, reason: str) -> None:
        self.reasons.append(reason)
        self.lost.release()


@pytest.fixture
def house(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(keeper, "PERIOD", 0.02)
    house = House(fake)
    yield house
    house.close()


def first(network: Network, *values: int) -> list[float]:
    outputs = network.run(rows(*values), Ticket.within(PATIENCE))
    return [float(value) for value in outputs[0][:, 0]]


@pytest.mark.parametrize("sharing", ["auto", "system", "off"])
def test_a_network_is_run_on_the_server_and_its_outputs_are_the_callers_own(
    house: House, probe: Model, sharing: str
) -> None:
    runtime = house.open(sharing=sharing)
    assert (runtime.name, runtime.device, runtime.precision) == ("triton", house.fake.url, "f32")
    assert not runtime.needs_files
    network = runtime.load(probe, NO_FILE, probe.input)
    assert network.spec.outputs == ("first", "last")
    kept = [network.run(rows(*values), Ticket()) for values in ((1, 2, 3), (4, 5, 6))]
    assert [outputs[0][:, 0].tolist() for outputs in kept] == [[1, 2, 3], [4, 5, 6]]
    assert all(array.flags.writeable for outputs in kept for array in outputs)
    assert bool(house.fake.regions) == (sharing != "off")
    runtime.close()
    assert house.fake.regions == {}


def test_a_detector_is_asked_for_by_its_canvas(house: House, probe: Model) -> None:
    house.fake.models["probe_2x2"] = house.fake.models.pop(NAME)
    network = house.open().load(replace(probe, task="detection"), NO_FILE, probe.input)
    assert network.spec.name == NAME
    assert first(network, 7) == [7]


def test_a_model_that_the_server_lacks_is_named_with_the_way_to_get_it(house: House, probe: Model) -> None:
    with pytest.raises(ModelUnavailable, match=r"no model ghost.*vultus triton export") as caught:
        house.open().load(replace(probe, name="ghost"), NO_FILE, probe.input)
    assert caught.value.code == "model_unavailable"


def test_other_weights_are_refused_when_they_are_loaded(house: House, probe: Model) -> None:
    with pytest.raises(HashMismatch):
        house.open().load(replace(probe, sha256="b" * 64), NO_FILE, probe.input)


def test_what_cannot_be_run_is_refused_when_it_is_loaded(house: House, probe: Model) -> None:
    runtime = house.open()
    with pytest.raises(IncompatibleGraph, match="built into its graph"):
        runtime.load(replace(probe, resizable=False), NO_FILE, replace(probe.input, width=4))
    with pytest.raises(IncompatibleGraph, match="UINT8"):
        runtime.load(probe, NO_FILE, replace(probe.input, width=4))
    house.fake.refuse_next = [Refusal("it fell over", 500, grpc.StatusCode.INTERNAL)]
    with pytest.raises(EngineError, match=r"probe cannot be run.*it fell over"):
        runtime.load(probe, NO_FILE, probe.input)


def test_the_other_colours_are_exchanged_here(house: House, probe: Model) -> None:
    runtime = house.open()
    colours = np.zeros((1, 2, 2, 3), np.uint8) + np.array([1, 2, 3], np.uint8)
    for color, expected in (("rgb", [1, 2, 3]), ("bgr", [3, 2, 1])):
        network = runtime.load(probe, NO_FILE, replace(probe.input, color=color))  # type: ignore[arg-type]
        assert network.run(colours, Ticket())[1][0, 0].tolist() == expected


def test_precision_is_what_was_asked_for_or_what_there_is(house: House, probe: Model) -> None:
    house.fake.models[NAME].parameters["precision"] = "fp16"
    with pytest.raises(PrecisionUnavailable, match="set precision to fp16 or auto"):
        house.open().load(probe, NO_FILE, probe.input)
    runtime = house.open("auto")
    assert runtime.precision == "auto"
    runtime.load(probe, NO_FILE, probe.input)
    assert runtime.precision == "fp16"
    with pytest.raises(PrecisionUnavailable, match="set precision to auto"):
        house.open("int8")


def test_rows_that_fail_fail_their_own_caller_alone(house: House, probe: Model) -> None:
    network = house.open().load(probe, NO_FILE, probe.input)
    with pytest.raises(EngineError, match="a row is poisonous"):
        first(network, POISON)
    assert first(network, 4) == [4]
    assert house.reasons == []


@pytest.mark.parametrize("sharing", ["system", "off"])
def test_when_the_server_goes_all_fail_at_once_and_when_it_comes_back_all_goes_on(
    house: House, probe: Model, sharing: str
) -> None:
    network = house.open(sharing=sharing).load(probe, NO_FILE, probe.input)
    assert first(network, 1) == [1]
    house.fake.stop()
    assert house.lost.acquire(timeout=PATIENCE)
    with pytest.raises(server.TritonGone) as caught:
        network.run(rows(1), Ticket())  # without a deadline
    assert caught.value.code == "not_ready"
    assert caught.value.message == house.reasons[0]
    house.fake.start()
    assert house.found.acquire(timeout=PATIENCE)
    assert first(network, 2) == [2]
    assert len(house.reasons) == 1


def test_whoever_meets_the_loss_first_has_it_looked_for(
    house: House, probe: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PERIOD", 1000.0)
    network = house.open().load(probe, NO_FILE, probe.input)
    house.fake.stop()
    with pytest.raises(server.TritonGone):
        first(network, 1)
    assert house.lost.acquire(timeout=PATIENCE)


@pytest.mark.parametrize("fake", ["http"], indirect=True)
def test_a_server_that_was_replaced_before_anybody_looked_is_told_of_the_memory_anew(
    house: House, probe: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PERIOD", 1000.0)
    network = house.open(sharing="system").load(probe, NO_FILE, probe.input)
    assert first(network, 1) == [1]
    house.fake.stop()
    house.fake.start()
    assert first(network, 2) == [2]
    assert house.reasons == []


def test_one_that_comes_back_with_other_weights_is_not_used(house: House, probe: Model) -> None:
    network = house.open().load(probe, NO_FILE, probe.input)
    house.fake.stop()
    assert house.lost.acquire(timeout=PATIENCE)
    house.fake.models[NAME] = FakeModel(parameters={"sha256": "b" * 64, "precision": "f32"})
    house.fake.start()
    assert house.lost.acquire(timeout=PATIENCE)
    with pytest.raises(server.TritonGone, match="other networks"):
        first(network, 1)
    house.fake.models[NAME] = FakeModel(parameters={"sha256": SHA, "precision": "f32"})
    assert house.found.acquire(timeout=PATIENCE)
    assert first(network, 3) == [3]


def test_one_whose_outputs_are_called_otherwise_is_not_used(house: House, probe: Model) -> None:
    house.open().load(probe, NO_FILE, probe.input)
    model = house.fake.models[NAME]
    house.fake.models[NAME] = FakeModel(parameters=model.parameters, outputs=("last", "first"))
    assert house.lost.acquire(timeout=PATIENCE)
    assert "other networks" in house.reasons[0]


def test_one_that_takes_fewer_rows_than_before_gets_fewer(house: House, probe: Model) -> None:
    network = house.open().load(probe, NO_FILE, probe.input)
    house.fake.models[NAME].rows = 2
    ticket = Ticket.within(PATIENCE)
    while network.described.rows != 2:
        ticket.check()
    house.fake.asked.clear()
    assert first(network, 1, 2, 3, 4) == [1, 2, 3, 4]
    assert sorted(count for count, _ in house.fake.asked) == [2, 2]


def test_a_network_that_was_taken_away_is_missed(house: House, probe: Model) -> None:
    house.open().load(probe, NO_FILE, probe.input)
    del house.fake.models[NAME]
    assert house.lost.acquire(timeout=PATIENCE)


def test_a_wait_ends_at_the_deadline(house: House, probe: Model) -> None:
    network = house.open().load(probe, NO_FILE, probe.input)
    house.fake.gate.clear()
    with pytest.raises(DeadlineExceeded):
        network.run(rows(1), Ticket.within(0.05))
    house.fake.gate.set()
    assert first(network, 2) == [2]


def test_the_server_is_told_how_long_rows_matter_if_it_heeds_it(house: House, probe: Model) -> None:
    network = house.open().load(probe, NO_FILE, probe.input)
    house.fake.asked.clear()
    first(network, 1)
    (_, timeout) = house.fake.asked[0]
    assert timeout is not None
    assert 0 < timeout <= PATIENCE * 1e6


def test_a_server_that_is_not_there_yet_is_waited_for(
    house: House, probe: Model, caplog: pytest.LogCaptureFixture
) -> None:
    house.fake.is_ready = False
    warned = threading.Event()

    class Hearer(threading.Thread):
        def run(self) -> None:
            while "waiting for the Triton server" not in caplog.text:
                warned.wait(0.01)
            house.fake.is_ready = True

    hearer = Hearer()
    hearer.start()
    runtime = house.open()
    hearer.join()
    assert first(runtime.load(probe, NO_FILE, probe.input), 1) == [1]
    assert caplog.text.count("waiting for") == 1


@pytest.mark.parametrize("end", ["stop", "be unready"])
def test_but_not_for_ever(house: House, end: str) -> None:
    if end == "stop":
        house.fake.stop()
    house.fake.is_ready = False
    with pytest.raises(ServerUnreachable, match=r"vultus triton run.*triton_url") as caught:
        house.open(patience=0)
    assert caught.value.code == "server_unreachable"


def test_memory_is_shared_only_where_it_can_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fake.extensions = (BINARY,)
    house.open(sharing="auto")
    with pytest.raises(DeviceUnavailable, match="triton_mem"):
        house.open(sharing="system")
    house.fake.extensions = ALL
    monkeypatch.setattr(Address, "is_here", lambda _: False)
    assert house.open(sharing="auto").shares_memory is False
    monkeypatch.setattr(Address, "is_here", lambda _: True)
    assert house.open(sharing="auto").shares_memory is True
    house.fake.map = refuse  # type: ignore[method-assign]
    assert house.open(sharing="auto").shares_memory is False


def refuse(name: str, key: str, size: int) -> None:
    raise invalid(f"Unable to open shared memory region: '{key}'")


def test_memory_of_a_gpu_is_not_shared_here(house: House) -> None:
    with pytest.raises(DeviceUnavailable, match="no CUDA memory"):
        house.open(sharing="cuda")


def test_a_start_that_fails_closes_the_connections(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = StubTransport()

    def fail(seconds: float) -> frozenset[str]:
        raise Late("no answer")

    monkeypatch.setattr(transport, "extensions", fail)
    with pytest.raises(ServerUnreachable, match="no answer"):
        house.open(transport=transport)
    assert transport.is_closed


@pytest.mark.parametrize(("fake", "warns"), [("grpc", False), ("http", True)], indirect=["fake"])
def test_one_that_takes_no_bytes_over_http_is_served_and_complained_of(
    house: House, probe: Model, caplog: pytest.LogCaptureFixture, warns: bool
) -> None:
    house.fake.extensions = (SHARED,)
    network = house.open(sharing="off").load(probe, NO_FILE, probe.input)
    assert first(network, 1, 2) == [1, 2]
    assert ("as JSON alone" in caplog.text) == warns


def test_a_closed_runtime_runs_nothing(house: House, probe: Model) -> None:
    runtime = house.open()
    network = runtime.load(probe, NO_FILE, probe.input)
    runtime.close()
    with pytest.raises(NotReady, match="closed"):
        first(network, 1)


def test_a_server_that_goes_while_a_network_is_loaded_is_not_there(
    house: House, probe: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUESTION", 1.0)
    runtime = house.open()
    house.fake.stop()
    with pytest.raises(server.TritonGone):
        runtime.load(probe, NO_FILE, probe.input)
