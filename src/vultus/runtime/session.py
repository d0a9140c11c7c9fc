"""ONNX Runtime sessions whose shapes are all fixed, with input and output bound to the device's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from vultus.errors import DeviceUnavailable
from vultus.runtime.audit import strays
from vultus.runtime.layout import Layout
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image

_CPU = "CPUExecutionProvider"


class FixedSession:
    """A graph on a device, for batches of one size. For one thread at a time.

    Shapes that are free make CUDA's memory grow without end, and leave the operators that compute them to the
    processor, where none is tolerated here.

    Args:
        graph: Takes uint8 pixels of a fixed shape.
        providers: ONNX Runtime's, with their options; the first has to be in use.
        memory: ONNX Runtime's name of the device's memory.
        ordinal: Number of the device.

    Attributes:
        outputs: Names of the graph's outputs.
        strays: Operators that a first run left to other providers; see ``audit.strays``.

    Raises:
        DeviceUnavailable: The provider cannot be had: a library is missing.
    """

    def __init__(
        self, graph: bytes, providers: Sequence[tuple[str, dict[str, Any]]], memory: str, ordinal: int
    ) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if providers[0][0] != _CPU:
            # An operator left to the processor would cost two copies a run: better to know at the start.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        with TemporaryDirectory(prefix="vultus-profile-") as folder:
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "run")
            self._open(graph, options, providers, memory, ordinal)
            self.run(np.zeros(self._input.shape(), np.uint8))
            self.strays = strays(Path(self._session.end_profiling()), {name for name, _ in providers})

    def run(self, pixels: Image) -> list[NDArray[Any]]:
        """The graph's outputs, in the processor's memory: copies, but for a device that computes in it."""
        self._input.update_inplace(np.ascontiguousarray(pixels))
        self._session.run_with_iobinding(self._binding)
        outputs: list[NDArray[Any]] = self._binding.copy_outputs_to_cpu()
        return outputs

    def _open(
        self,
        graph: bytes,
        options: ort.SessionOptions,
        providers: Sequence[tuple[str, dict[str, Any]]],
        memory: str,
        ordinal: int,
    ) -> None:
        wanted = providers[0][0]
        self._session = ort.InferenceSession(graph, options, providers=list(providers), enable_fallback=0)
        if wanted not in self._session.get_providers():
            raise DeviceUnavailable(
                f"ONNX Runtime could not start its {wanted}; are CUDA, cuDNN and, for it, TensorRT installed in the "
                "versions it needs?"
            )
        taken = self._session.get_inputs()[0]
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self._input = ort.OrtValue.ortvalue_from_shape_and_type(taken.shape, np.uint8, memory, ordinal)
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(taken.name, self._input)
        for name in self.outputs:
            self._binding.bind_output(name, memory, ordinal)


class SizedNetwork:
    """A network that takes batches of a few sizes. For one thread at a time: ``Batcher`` sees to that.

    Args:
        spec: Input and outputs.
        sessions: By the rows they take.
        layouts: How each output holds them.
    """

    def __init__(self, spec: NetworkSpec, sessions: Mapping[int, FixedSession], layouts: Sequence[Layout]) -> None:
        self.spec = spec
        self._sessions = sessions
        self._layouts = layouts

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes it takes, ascending."""
        return tuple(sorted(self._sessions))

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol; the batch has one of ``sizes``."""
        ticket.check()
        outputs = self._sessions[len(batch)].run(batch)
        return tuple(layout.split(output, len(batch)) for layout, output in zip(self._layouts, outputs, strict=True))
