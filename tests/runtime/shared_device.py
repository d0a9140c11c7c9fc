"""A device server in this process, with engines that wait to be told, and front processes that do as they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.runtime.test_batching import PATIENCE, SIZES, Device, rows

from vultus.errors import IncompatibleGraph
from vultus.runtime import channel
from vultus.runtime.batching import Batcher, BatchingNetwork, BatchingRuntime
from vultus.runtime.device import DeviceServer
from vultus.runtime.network import Counts, Network
from vultus.runtime.remote import RemoteRuntime
from vultus.runtime.ticket import Ticket
from vultus.types import InputSpec
from vultus.zoo.catalogue import Catalogue, Model

SPEC = InputSpec(2, 2)
NAME = "w600k_mbf"


class ProbeRuntime:
    """Its one network answers each row with its first pixel, and with twice that."""

    name, device, precision, needs_files, families = "probe", "a probe", "f32", False, None

    def __init__(self, *, manual: bool = False) -> None:
        self.batcher = Batcher()
        self.probe = Device(manual=manual)
        self.network: BatchingNetwork | None = None
        self.loads = 0

    @property
    def counts(self) -> Counts:
        return self.batcher.counts

    def load(self, model: Model, path: Path, spec: InputSpec) -> BatchingNetwork:
        if path.name == "broken.onnx":
            raise IncompatibleGraph(f"{path} cannot be run as {model.name}")
        self.loads += 1
        self.network = self.batcher.wrap(self.probe, SIZES)
        self.probe.let_go()  # for the first row, which tells the shapes
        return self.network

    def close(self) -> None:
        self.probe.let_go(10_000)
        self.batcher.close()


class House:
    """A place where device servers follow each other, and fronts that connect to it."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "device"
        self.catalogue = Catalogue.load()
        self.fronts: list[RemoteRuntime] = []
        self.listener = channel.listen(self.place)
        self.pool = ThreadPoolExecutor(32)
        self._ends: list[Callable[[], object]] = []

    def open(self, runtime: BatchingRuntime) -> DeviceServer:
        server = DeviceServer(runtime, self.catalogue, self.listener)
        self._ends += [runtime.close, server.close]
        return server

    def front(self, **told: Callable[[], None]) -> RemoteRuntime:
        self.fronts.append(RemoteRuntime(self.place, **told))
        return self.fronts[-1]

    def load(self, front: RemoteRuntime, file: str = "probe.onnx") -> Network:
        return front.load(self.catalogue.model(NAME), Path(file), SPEC)

    def call(self, network: Network, *values: int, ticket: Ticket | None = None) -> Future[list[int]]:
        return self.pool.submit(run, network, values, ticket or Ticket())

    def close(self) -> None:
        for end in reversed(self._ends):
            end()
        for front in self.fronts:
            front.close()
        self.pool.shutdown()
        self.listener.close()


def run(network: Network, values: tuple[int, ...], ticket: Ticket) -> list[int]:
    """What the probe says of rows with these values."""
    value, double = network.run(rows(*values), ticket)
    assert (double[:, 0, 0] == 2 * value[:, 0]).all()
    return [int(each) for each in value[:, 0]]


def until(holds: Callable[[], Any]) -> None:
    """Return once something holds that nobody tells of."""
    late = threading.Event()
    timer = threading.Timer(PATIENCE, late.set)
    timer.start()
    while not holds():
        assert not late.is_set()
    timer.cancel()


def serve_orders(place: Path, line: Connection) -> None:
    """A front process: runs rows on the probe, each order on a thread of its own, and tells what it came to."""
    front = RemoteRuntime(place)
    network = front.load(Catalogue.load().model(NAME), Path("probe.onnx"), SPEC)
    line.send("ready")

    def obey(values: tuple[int, ...]) -> None:
        line.send(run(network, values, Ticket()))

    while (values := line.recv()) is not None:
        threading.Thread(target=obey, args=(values,), daemon=True).start()
    front.close()
