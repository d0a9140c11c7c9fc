"""An accelerator that is not there: the dummy's answers, in the time a device with a high price per batch would take.

Batching can so be tried and measured on any machine: waiting for such a device costs no processor time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from vultus.errors import EngineError
from vultus.runtime.batching import SIZES, Batcher, BatchingNetwork
from vultus.runtime.dummy import DummyRuntime
from vultus.runtime.network import Counts, Network, NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

SECONDS_PER_BATCH = 0.004
SECONDS_PER_ROW = 0.00025
MOST_ROWS = SIZES[-1]


def seconds(rows: int) -> float:
    """Time the device takes for a batch."""
    return SECONDS_PER_BATCH + SECONDS_PER_ROW * rows


class Device:
    """What all networks of a simulated accelerator share: it computes one batch at a time.

    Args:
        sleep: Lets seconds pass.
        clock: Tells seconds.
    """

    def __init__(
        self, sleep: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()

    def run(self, network: Network, batch: Image) -> Outputs:
        """The network's answer, when the time the device takes for it is over.

        Raises:
            EngineError: There are more rows than the device takes.
        """
        if len(batch) > MOST_ROWS:
            raise EngineError(f"the simulated device takes {MOST_ROWS} rows at most, not {len(batch)}.")
        with self._lock:
            began = self._clock()
            outputs = network.run(batch, Ticket())
            self._sleep(max(0.0, seconds(len(batch)) - (self._clock() - began)))
            return outputs


class SimulatedNetwork:
    """A network on a simulated device."""

    def __init__(self, network: Network, device: Device) -> None:
        self.spec: NetworkSpec = network.spec
        self._network = network
        self._device = device

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol."""
        ticket.check()
        return self._device.run(self._network, batch)


class SimulatedRuntime:
    """The dummy runtime on a simulated accelerator, with batching in front of it.

    Args:
        device: The accelerator.

    Attributes:
        batcher: Hands it the batches.
    """

    name = "dummy"
    device = "simulated"
    precision = "f32"
    needs_files = False

    def __init__(self, device: Device | None = None) -> None:
        self.batcher = Batcher()
        self._device = device or Device()
        self._dummy = DummyRuntime()

    @property
    def families(self) -> Collection[str]:
        """Those that have a stand-in."""
        return self._dummy.families

    def load(self, model: Model, path: Path, spec: InputSpec) -> BatchingNetwork:
        """See ``Runtime.load``."""
        return self.batcher.wrap(SimulatedNetwork(self._dummy.load(model, path, spec), self._device))

    @property
    def counts(self) -> Counts:
        """See ``Runtime.counts``."""
        return self.batcher.counts

    def close(self) -> None:
        """End the dispatcher; see ``Batcher.close``."""
        self.batcher.close()
