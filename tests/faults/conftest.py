"""A server whose networks do what they are told, however wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vultus.engine import FaceEngine
from vultus.runtime.network import Network, NetworkSpec, Outputs, Runtime
from vultus.runtime.ticket import Ticket
from vultus.settings import Settings
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

Fault = Callable[[Outputs], Outputs]


@dataclass
class Switch:
    """Which fault networks of a task have; at first none."""

    faults: dict[str, Fault] = field(default_factory=dict)

    def heal(self) -> None:
        self.faults.clear()


class FaultyNetwork:
    def __init__(self, network: Network, task: str, switch: Switch) -> None:
        self.spec: NetworkSpec = network.spec
        self._network = network
        self._task = task
        self._switch = switch

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        outputs = self._network.run(batch, ticket)
        fault = self._switch.faults.get(self._task)
        return fault(outputs) if fault else outputs


class FaultyRuntime:
    """The dummy runtime with a switch in each network."""

    def __init__(self, runtime: Runtime, switch: Switch) -> None:
        self._runtime = runtime
        self._switch = switch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        return FaultyNetwork(self._runtime.load(model, path, spec), model.task, self._switch)


class FaultyServer:
    def __init__(self, client: Any, switch: Switch) -> None:
        self.client = client
        self.switch = switch


@pytest.fixture(scope="module")
def start_faulty(start_app: Callable[..., Any]) -> Callable[..., FaultyServer]:
    """Starts such a server; keyword arguments are settings."""

    def start(**given: Any) -> FaultyServer:
        switch = Switch()

        def factory(settings: Settings) -> FaceEngine:
            return FaceEngine(settings, wrap=lambda runtime: FaultyRuntime(runtime, switch))

        return FaultyServer(start_app(engine_factory=factory, **{"streams": 2, **given}), switch)

    return start


@pytest.fixture(scope="module")
def faulty(start_faulty: Callable[..., FaultyServer]) -> FaultyServer:
    return start_faulty(age_gender=True)
