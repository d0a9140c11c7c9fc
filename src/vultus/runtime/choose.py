"""Which engine runs the networks: what the settings ask for, or a clear error at start."""

from __future__ import annotations

from vultus.errors import RuntimeUnavailable
from vultus.runtime.batching import WORKER_THREADS
from vultus.runtime.cuda import DEVICE
from vultus.runtime.network import Runtime
from vultus.runtime.workers import Workers
from vultus.settings import Settings


def is_accelerator(settings: Settings) -> bool:
    """Whether networks run in batches on a device other than the processor's cores."""
    match settings.runtime:
        case "dummy":
            return settings.device == "simulated"
        case "onnx":
            return DEVICE.fullmatch(settings.device.lower()) is not None
        case _:
            return False


def worker_threads(settings: Settings, per_core: int) -> int:
    """How many threads should walk pictures: ``per_core``, or as many as fill batches if the device takes any."""
    return max(per_core, WORKER_THREADS) if is_accelerator(settings) else per_core


def open_runtime(settings: Settings, workers: Workers, streams: int) -> Runtime:
    """The engine that ``settings.runtime`` names; ``auto`` is OpenVINO. Nothing is ever replaced silently.

    Raises:
        RuntimeUnavailable: The engine is not installed.
        DeviceUnavailable, PrecisionUnavailable: As the engine finds.
    """
    try:
        match settings.runtime:
            case "dummy":
                if settings.device == "simulated":
                    from vultus.runtime.simulated import SimulatedRuntime

                    return SimulatedRuntime()
                from vultus.runtime.dummy import DummyRuntime

                return DummyRuntime()
            case "onnx":
                if is_accelerator(settings):
                    from vultus.runtime.accelerator import AcceleratorRuntime, Target

                    return AcceleratorRuntime(Target.find(settings.device, settings.precision), settings.model_cache)
                from vultus.runtime.onnx import OnnxRuntime

                return OnnxRuntime(settings.device, settings.precision, workers, streams)
            case "openvino" | "auto":
                from vultus.runtime.openvino import OpenVinoRuntime

                return OpenVinoRuntime(
                    settings.device, settings.precision, workers, streams, all_cores=settings.all_cores
                )
    except ImportError as error:
        raise RuntimeUnavailable(
            f"the {settings.runtime} runtime is not installed ({error}); "
            "install it with `pip install 'vultus[onnx]'` for onnx, `pip install vultus` for openvino."
        ) from error
