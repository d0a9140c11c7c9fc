"""Which engine runs the networks: what the settings ask for, or a clear error at start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vultus.errors import RuntimeUnavailable
from vultus.runtime.batching import WORKER_THREADS, BatchingRuntime
from vultus.runtime.cuda import DEVICE, ENGINES
from vultus.runtime.network import Runtime
from vultus.runtime.workers import Workers
from vultus.settings import Settings

TRITON_THREADS = 32
"""Threads that walk pictures where a server computes: so many rows it can make batches of. With ``streams`` there are
more; each costs this process memory and its turn at Python's lock."""


def is_accelerator(settings: Settings) -> bool:
    """Whether networks run in batches on a device of this machine other than the processor's cores."""
    match settings.runtime:
        case "dummy":
            return settings.device == "simulated"
        case "onnx":
            return DEVICE.fullmatch(settings.device.lower()) is not None
        case _:
            return False


def computes_elsewhere(settings: Settings) -> bool:
    """Whether networks run in batches, and not on this machine's cores as far as is known: an accelerator, a server."""
    return settings.runtime == "triton" or is_accelerator(settings)


def kept_engines(settings: Settings) -> Path | None:
    """Folder that engines which were built are kept in; ``None``: the device compiles at each start, TensorRT apart."""
    is_kept = settings.runtime == "onnx" and settings.device.lower().startswith("tensorrt")
    return settings.model_cache / ENGINES if is_kept else None


def worker_threads(settings: Settings, per_core: int) -> int:
    """How many threads should walk pictures: ``per_core``, or as many as fill batches if any are made."""
    if settings.runtime == "triton":
        return max(per_core, TRITON_THREADS)
    return max(per_core, WORKER_THREADS) if is_accelerator(settings) else per_core


def open_accelerator(settings: Settings) -> BatchingRuntime:
    """The engine that computes in batches, where ``is_accelerator``.

    Raises:
        RuntimeUnavailable: The engine is not installed.
        DeviceUnavailable, PrecisionUnavailable: As the engine finds.
    """
    try:
        if settings.runtime == "dummy":
            from vultus.runtime.simulated import SimulatedRuntime

            return SimulatedRuntime()
        from vultus.runtime.accelerator import AcceleratorRuntime, Target

        return AcceleratorRuntime(Target.find(settings.device, settings.precision), settings.model_cache)
    except ImportError as error:
        raise _not_installed(settings, error) from error


def open_runtime(
    settings: Settings,
    workers: Workers,
    streams: int,
    on_lost: Callable[[str], None] = lambda _: None,
    on_found: Callable[[], None] = lambda: None,
) -> Runtime:
    """The engine that ``settings.runtime`` names; ``auto`` is OpenVINO. Nothing is ever replaced silently.

    Args:
        settings: What is wanted.
        workers: The threads that will run networks.
        streams: How many runs of one network are computed at once on this machine's cores.
        on_lost: Told, in words for clients, that a server that computes has gone; see ``TritonRuntime``.
        on_found: Told that it is there again.

    Raises:
        RuntimeUnavailable: The engine is not installed.
        DeviceUnavailable, PrecisionUnavailable, ServerUnreachable: As the engine finds.
    """
    if is_accelerator(settings):
        return open_accelerator(settings)
    try:
        match settings.runtime:
            case "dummy":
                from vultus.runtime.dummy import DummyRuntime

                return DummyRuntime()
            case "triton":
                from vultus.runtime.triton.address import Address
                from vultus.runtime.triton.runtime import TritonRuntime

                return TritonRuntime(
                    Address.parse(settings.triton_url),
                    settings.precision,
                    workers,
                    settings.triton_mem,
                    settings.triton_wait,
                    on_lost,
                    on_found,
                )
            case "onnx":
                from vultus.runtime.onnx import OnnxRuntime

                return OnnxRuntime(settings.device, settings.precision, workers, streams)
            case "openvino" | "auto":
                from vultus.runtime.openvino import OpenVinoRuntime

                return OpenVinoRuntime(
                    settings.device, settings.precision, workers, streams, all_cores=settings.all_cores is not False
                )
    except ImportError as error:
        raise _not_installed(settings, error) from error


def _not_installed(settings: Settings, error: ImportError) -> RuntimeUnavailable:
    return RuntimeUnavailable(
        f"the {settings.runtime} runtime is not installed ({error}); "
        "install it with `pip install 'vultus[onnx]'` for onnx, 'vultus[gpu]' for onnx on an NVIDIA GPU, "
        "'vultus[triton]' for triton, `pip install vultus` for openvino."
    )
