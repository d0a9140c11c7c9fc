"""Networks on OpenVINO: the engine of the base install."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import openvino as ov

from vultus.errors import DeviceUnavailable, IncompatibleGraph, PrecisionUnavailable
from vultus.runtime.graph import check_size
from vultus.runtime.network import Counts, Network, NetworkSpec
from vultus.runtime.openvino_graph import improve, take_pixels
from vultus.runtime.pool import Pool
from vultus.runtime.rows import Lone, Occupancy, RowNetwork, RowOutputs
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

_CAPABILITIES = MappingProxyType({"bf16": "BF16", "fp16": "FP16"})
"""Precision -> what a device says of itself that computes in it; the one to prefer first."""

_HINTS = MappingProxyType({"fp16": "f16", "int8": "f32"})
"""Precisions that OpenVINO has another name for; of int8 the name is that of what a network's file leaves to it."""

_REQUESTS_PER_STREAM = 2  # one that is computed, and one that waits, so that the stream need not


class OpenVinoRuntime:
    """OpenVINO on one device. A stream is a thread of OpenVINO's own; workers that wait for it cost nothing.

    Args:
        device: ``cpu``, ``gpu`` ..., in any case.
        precision: ``f32``, ``bf16``, ``fp16``, ``auto`` (bf16 or fp16, where the device has one of them) or ``int8``:
            f32 but for networks whose files say otherwise.
        workers: The threads that will run the networks.
        streams: How many rows of one network are computed at once, each on one core.
        all_cores: On a CPU, compute a row that is alone on all of them, which takes memory for each network once more.

    Raises:
        DeviceUnavailable: There is no such device.
        PrecisionUnavailable: bf16 or fp16 was asked for, and the device lacks it.
    """

    name = "openvino"
    needs_files = True
    families: Collection[str] | None = None
    counts: Counts | None = None

    def __init__(self, device: str, precision: str, workers: Workers, streams: int, *, all_cores: bool = False) -> None:
        self._core = ov.Core()
        self._workers = workers
        self._streams = streams
        self._occupancy = Occupancy()
        _initialise_bindings()
        self.device = self._find_device(device)
        self.precision = self._find_precision(precision)
        self._all_cores = all_cores and streams > 1 and self.device == "CPU"

    def close(self) -> None:
        """Nothing runs beside the callers' threads."""

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        """See ``Runtime.load``. Normalisation and layout become part of the graph, which then takes uint8 pixels."""
        check_size(model, spec)
        try:
            graph = self._core.read_model(path)
            names = tuple(output.get_any_name() for output in graph.outputs)
            graph.reshape(list(spec.shape))
            improve(graph)
            graph = take_pixels(graph, spec)
            compiled = self._compile(graph, self._streams)
            whole = self._compile(graph, 1) if self._all_cores else None
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise IncompatibleGraph(
                f"{path.name} cannot be run as {model.name} at {spec.width}x{spec.height}: {reason}"
            ) from error
        requests = Pool(compiled.create_infer_request() for _ in range(_REQUESTS_PER_STREAM * self._streams))
        lone = Lone(Pool([whole.create_infer_request()]), self._occupancy) if whole else None
        return RowNetwork(NetworkSpec(model.name, spec, names), requests, _infer, self._workers, lone)

    def _compile(self, graph: ov.Model, streams: int) -> ov.CompiledModel:
        """The graph on all cores that may be used, in so many streams."""
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": _HINTS.get(self.precision, self.precision)}
        if self.device == "CPU":
            options |= {
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": self._streams,
                # A stream may be moved: the event loop needs a core now and then.
                "ENABLE_CPU_PINNING": False,
            }
        return self._core.compile_model(graph, self.device, options)

    def _find_device(self, asked: str) -> str:
        available: list[str] = self._core.available_devices
        if asked.upper() not in available:
            raise DeviceUnavailable(
                f"OpenVINO finds no device {asked!r} here; it finds {', '.join(available) or 'none'}. Set device."
            )
        return asked.upper()

    def _find_precision(self, asked: str) -> str:
        has = self._core.get_property(self.device, "OPTIMIZATION_CAPABILITIES")
        halves = [precision for precision, capability in _CAPABILITIES.items() if capability in has]
        if asked == "auto":
            return halves[0] if halves else "f32"
        if asked in _CAPABILITIES and asked not in halves:
            raise PrecisionUnavailable(f"{self.device} cannot compute in {asked}; set precision to f32 or auto.")
        return asked


def _infer(request: ov.InferRequest, row: Image) -> RowOutputs:
    results = request.infer([row], share_inputs=True, share_outputs=True)
    # Outputs live in the request until its next run: the copy is what makes them the caller's.
    return [results[index].copy() for index in range(len(results))]


def _initialise_bindings() -> None:
    """Let OpenVINO's Python bindings set up what they set up at the first array that crosses them.

    They do so in a way that deadlocks where two threads come first at once: one holds the C++ guard of a static and
    waits for the interpreter lock, the other holds that lock and waits for the guard (seen with OpenVINO 2026.4).
    """
    _ = ov.Tensor(np.zeros(1, np.uint8), shared_memory=True).data
