"""Networks on an NVIDIA GPU: ONNX Runtime's CUDA and TensorRT providers, behind the batching network.

Written to ONNX Runtime's documentation and tested with its CPU provider in their place: not yet run on a GPU.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import onnxruntime as ort
from filelock import FileLock

from vultus.errors import DeviceUnavailable, IncompatibleGraph, PrecisionUnavailable, VultusError
from vultus.memory import is_out_of_memory
from vultus.runtime.batching import SIZES, Batcher, BatchingNetwork
from vultus.runtime.cuda import DEVICE, ENGINES, gpu_name, tensorrt_version
from vultus.runtime.graph import check_size, halved, incompatible_if_failing, taking_pixels
from vultus.runtime.layout import Layout, find_layouts, row_shape
from vultus.runtime.network import Counts, NetworkSpec
from vultus.runtime.onnx import check_packages
from vultus.runtime.session import FixedSession, SizedNetwork
from vultus.runtime.ticket import Ticket
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

Provider: TypeAlias = tuple[str, dict[str, Any]]

_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
_PROVIDERS = {"cuda": _CUDA, "tensorrt": _TENSORRT}
_PRECISIONS: Mapping[str, Mapping[str, str]] = {
    "cuda": {"f32": "f32", "fp16": "fp16", "auto": "tf32"},
    "tensorrt": {"f32": "f32", "fp16": "fp16", "auto": "fp16"},
}
"""What each computes in, by what was asked. tf32 rounds the factors of products to 10 bits, as fp16 does."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """What computes.

    Attributes:
        device: As messages name it.
        providers: ONNX Runtime's, with their options: the first is to compute, the others what it cannot.
        precision: ``f32``, ``tf32`` or ``fp16``.
        memory: ONNX Runtime's name of the device's memory.
        ordinal: Number of the GPU.
        key: Tells it from everything that needs other engines.
        halves_itself: Whether what computes turns a float32 graph into one of fp16; else that is done for it.
    """

    device: str
    providers: tuple[Provider, ...]
    precision: str
    memory: str = "cuda"
    ordinal: int = 0
    key: str = ""
    halves_itself: bool = False

    @classmethod
    def find(cls, device: str, precision: str) -> Self:
        """What the settings name: ``cuda``, ``cuda:1``, ``tensorrt``, ...; ``f32``, ``fp16`` or ``auto``.

        Raises:
            RuntimeUnavailable: Two packages of ONNX Runtime are installed at once.
            DeviceUnavailable: ONNX Runtime lacks the provider, or the machine the GPU or a library.
            PrecisionUnavailable: The device does not compute in it.
        """
        check_packages()
        match = DEVICE.fullmatch(device.lower())
        if match is None:
            raise DeviceUnavailable(f"the onnx runtime has no device {device!r}; set cpu, cuda, cuda:1 or tensorrt.")
        kind, ordinal = match[1], int(match[2] or 0)
        if _PROVIDERS[kind] not in ort.get_available_providers():
            raise DeviceUnavailable(
                f"this ONNX Runtime has no {_PROVIDERS[kind]}; for the device {kind} uninstall onnxruntime and "
                "install onnxruntime-gpu: `pip install 'vultus[gpu]'`."
            )
        if precision not in _PRECISIONS[kind]:
            known = ", ".join(_PRECISIONS[kind])
            raise PrecisionUnavailable(f"{kind} cannot compute in {precision} here; set precision to one of {known}.")
        chosen = _PRECISIONS[kind][precision]
        gpu = gpu_name(ordinal)
        _load_libraries()
        library = f"ort{ort.__version__}"
        providers: tuple[Provider, ...] = ((_CUDA, {"device_id": ordinal, "use_tf32": int(chosen != "f32")}),)
        if kind == "tensorrt":
            library += f"-trt{tensorrt_version()}"
            providers = ((_TENSORRT, {"device_id": ordinal, "trt_fp16_enable": chosen == "fp16"}), *providers)
        key = re.sub(r"[^\w.]+", "-", f"{library} {gpu} {chosen}")
        device = f"{kind}:{ordinal} ({gpu})"
        return cls(device, providers, chosen, ordinal=ordinal, key=key, halves_itself=kind == "tensorrt")

    def caching(self, folder: Path) -> tuple[Provider, ...]:
        """The providers, with what TensorRT builds kept in a folder."""
        kept = {
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": str(folder),
        }
        return tuple((name, options | (kept if name == _TENSORRT else {})) for name, options in self.providers)


class AcceleratorRuntime:
    """ONNX Runtime on a GPU. One session per network and size of batch, all shapes fixed, each run once at the start.

    Args:
        target: What computes.
        cache: Folder that engines are kept in.
        sizes: Rows of a batch, ascending, from 1 and 2 on.

    Attributes:
        batcher: Hands the device its batches.
    """

    name = "onnx"
    needs_files = True
    families: Collection[str] | None = None

    def __init__(self, target: Target, cache: Path, sizes: Sequence[int] = SIZES) -> None:
        self.device = target.device
        self.precision = target.precision
        self.batcher = Batcher()
        self._target = target
        self._cache = cache
        self._sizes = tuple(sizes)

    def load(self, model: Model, path: Path, spec: InputSpec) -> BatchingNetwork:
        """See ``Runtime.load``. What does not take batches is run row by row, which is logged.

        Sizes of batches that the device's memory has no room for are left out, which is logged, too.

        Raises:
            DeviceUnavailable: The GPU's libraries cannot be loaded.
            RuntimeUnavailable: The library ``onnx`` is not installed.
        """
        network = self.build(model, path, spec)
        batching = self.batcher.wrap(network, network.sizes)
        for size in 2 * network.sizes:  # the first run of each is slow, the second tells how fast it is
            batching.run(_noise(spec, size), Ticket())
        return batching

    def build(self, model: Model, path: Path, spec: InputSpec) -> SizedNetwork:
        """The network without batching, for one thread at a time; engines that are not kept yet are built.

        Of several processes that want the same engines one builds them, and the others wait.

        Raises:
            IncompatibleGraph: As in ``load``; also where operators would be left to the processor.
            DeviceUnavailable, RuntimeUnavailable: As in ``load``.
        """
        check_size(model, spec)
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()[:16]
        folder = self._cache / ENGINES / f"{self._target.key}-{digest}-{spec.width}x{spec.height}"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):  # two processes would both build engines that take minutes
            what = f"{path.name} cannot be run as {model.name} at {spec.width}x{spec.height} on {self.device}"
            with incompatible_if_failing(what):
                return self._build(model.name, data, spec, folder)

    @property
    def counts(self) -> Counts:
        """See ``Runtime.counts``."""
        return self.batcher.counts

    def close(self) -> None:
        """End the dispatcher; see ``Batcher.close``."""
        self.batcher.close()

    def _build(self, name: str, data: bytes, spec: InputSpec, folder: Path) -> SizedNetwork:
        """The network at every size at which it says of each picture what it says of it alone, up to one that fails."""
        if self._target.precision == "fp16" and not self._target.halves_itself:
            data = halved(data, spec)

        def open_at(rows: int) -> FixedSession:
            graph = taking_pixels(data, spec, rows)
            return FixedSession(graph, self._target.caching(folder), self._target.memory, self._target.ordinal)

        sessions = {1: open_at(1)}
        pictures = _noise(spec, 2)
        alone = [sessions[1].run(pictures[:1]), sessions[1].run(pictures[1:])]
        layouts = [Layout(row_shape(output)) for output in alone[0]]
        try:
            for size in self._sizes[1:]:
                session = open_at(size)
                if size == 2:
                    layouts = find_layouts(alone, session.run(pictures))
                sessions[size] = session
        except Exception as error:
            if isinstance(error, VultusError) and not (isinstance(error, IncompatibleGraph) or is_out_of_memory(error)):
                raise
            _tell_limit(name, max(sessions), error)
        left = sorted({stray for session in sessions.values() for stray in session.strays})
        if left:
            raise IncompatibleGraph(
                f"{name} cannot be computed on {self.device} alone: {', '.join(left)}. Choose another network."
            )
        return SizedNetwork(NetworkSpec(name, spec, sessions[1].outputs), sessions, layouts)


def _tell_limit(name: str, rows: int, error: Exception) -> None:
    how = f"in batches of at most {rows} pictures" if rows > 1 else "one picture at a time"
    logger.warning("%s is run %s, which leaves the device idle: %s", name, how, error)


def _load_libraries() -> None:
    """Load CUDA and cuDNN where they came as Python packages, for there the system's loader does not look."""
    with redirect_stdout(sys.stderr):  # on which ONNX Runtime tells what it misses
        ort.preload_dlls()


def _noise(spec: InputSpec, rows: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Pictures that all differ."""
    return np.random.default_rng(rows).integers(0, 256, (rows, spec.height, spec.width, 3), np.uint8)
