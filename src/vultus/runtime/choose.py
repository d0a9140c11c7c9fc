"""Which engine runs the networks: what the settings ask for, or a clear error at start."""

from __future__ import annotations

from vultus.errors import RuntimeUnavailable
from vultus.runtime.network import Runtime
from vultus.runtime.workers import Workers
from vultus.settings import Settings


def open_runtime(settings: Settings, workers: Workers, streams: int) -> Runtime:
    """The engine that ``settings.runtime`` names; ``auto`` is OpenVINO. Nothing is ever replaced silently.

    Raises:
        RuntimeUnavailable: The engine is not installed.
        DeviceUnavailable, PrecisionUnavailable: As the engine finds.
    """
    try:
        match settings.runtime:
            case "dummy":
                from vultus.runtime.dummy import DummyRuntime

                return DummyRuntime()
            case "onnx":
                from vultus.runtime.onnx import OnnxRuntime

                return OnnxRuntime(settings.device, settings.precision, workers, streams)
            case "openvino" | "auto":
                from vultus.runtime.openvino import OpenVinoRuntime

                return OpenVinoRuntime(settings.device, settings.precision, workers, streams)
    except ImportError as error:
        raise RuntimeUnavailable(
            f"the {settings.runtime} runtime is not installed ({error}); "
            "install it with `pip install 'vultus[onnx]'` for onnx, `pip install vultus` for openvino."
        ) from error
