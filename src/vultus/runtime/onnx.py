"""Networks on ONNX Runtime: the reference engine, and the one for CPUs that OpenVINO does not serve."""

from __future__ import annotations

from collections.abc import Collection
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from vultus.errors import DeviceUnavailable, IncompatibleGraph, PrecisionUnavailable, RuntimeUnavailable
from vultus.runtime.graph import check_size, has_prelu, incompatible_if_failing, reshaped, without_prelu
from vultus.runtime.network import Counts, Network, NetworkSpec
from vultus.runtime.pool import Pool
from vultus.runtime.rows import RowNetwork, RowOutputs
from vultus.runtime.workers import Workers
from vultus.types import FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Model


class OnnxRuntime:
    """ONNX Runtime on the CPU. One session per network, which computes on the thread that runs it.

    Args:
        device: ``cpu``.
        precision: ``f32``, ``auto``, which here is f32, or ``int8``: f32 but for networks whose files say otherwise.
        workers: The threads that will run the networks.
        streams: How many rows of one network are computed at once, each on one core.

    Raises:
        RuntimeUnavailable: Two packages of ONNX Runtime are installed at once.
        DeviceUnavailable: The device is not ``cpu``.
        PrecisionUnavailable: Another precision was asked for.
    """

    name = "onnx"
    device = "CPU"
    needs_files = True
    families: Collection[str] | None = None
    counts: Counts | None = None

    def __init__(self, device: str, precision: str, workers: Workers, streams: int) -> None:
        check_packages()
        if device.lower() != "cpu":
            raise DeviceUnavailable(f"the onnx runtime has no device {device!r} here; set device to cpu.")
        if precision not in ("f32", "auto", "int8"):
            raise PrecisionUnavailable(
                f"the onnx runtime cannot compute in {precision} on a CPU; set precision to f32 or auto."
            )
        self.precision = "f32" if precision == "auto" else precision
        self._workers = workers
        self._streams = streams
        self._options = ort.SessionOptions()
        self._options.intra_op_num_threads = 1
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 3

    def close(self) -> None:
        """Nothing runs beside the callers' threads."""

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        """See ``Runtime.load``. A graph that declares a fixed input of another size is given one of the size wanted.

        Where ONNX Runtime's PRelu is slow, others take its place.

        Raises:
            RuntimeUnavailable: The library ``onnx``, which either takes, is not installed.
        """
        check_size(model, spec)
        with incompatible_if_failing(f"{path.name} cannot be run as {model.name} at {spec.width}x{spec.height}"):
            data = path.read_bytes()
            if has_slow_prelu() and has_prelu(data):
                data = without_prelu(data)
            session = self._open(data)
            if _clashes(session, model, spec):
                session = self._open(reshaped(data, spec.shape))
                _try_out(session, spec)
        names = tuple(output.name for output in session.get_outputs())
        name = session.get_inputs()[0].name

        def compute(session: ort.InferenceSession, row: Image) -> RowOutputs:
            return list(session.run(None, {name: normalise(row[0], spec)}))

        return RowNetwork(NetworkSpec(model.name, spec, names), Pool([session] * self._streams), compute, self._workers)

    def _open(self, graph: bytes) -> ort.InferenceSession:
        return ort.InferenceSession(graph, self._options, providers=["CPUExecutionProvider"])


def has_slow_prelu() -> bool:
    """Whether this ONNX Runtime's PRelu is slow on a CPU, as it is from 1.27 on (``python -m benchmarks prelu``)."""
    major, minor = ort.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (1, 27)


def check_packages() -> None:
    """See to it that ONNX Runtime is installed once: its packages overwrite each other's files.

    Raises:
        RuntimeUnavailable: Both are installed.
    """
    if _is_installed("onnxruntime") and _is_installed("onnxruntime-gpu"):
        raise RuntimeUnavailable(
            "onnxruntime and onnxruntime-gpu are both installed, and overwrite each other: uninstall both with "
            "`pip uninstall onnxruntime onnxruntime-gpu`, then install the one that is wanted."
        )


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def normalise(pixels: Image, spec: InputSpec) -> FloatArray:
    """RGB uint8 ``(height, width, 3)`` as the float32 batch of one that ``spec`` describes."""
    swap = spec.color == "bgr"
    blob = np.asarray(cv2.dnn.blobFromImage(pixels, mean=spec.mean, swapRB=swap), np.float32)
    if any(value != 1 for value in spec.std):
        blob /= np.asarray(spec.std, np.float32).reshape(1, 3, 1, 1)
    if spec.whiten:
        blob = (blob - blob.mean()) / max(blob.std(), 1 / np.sqrt(blob.size, dtype=np.float32))
    return blob if spec.layout == "nchw" else np.ascontiguousarray(blob.transpose(0, 2, 3, 1))


def _clashes(session: ort.InferenceSession, model: Model, spec: InputSpec) -> bool:
    """Whether the graph declares another batch, height or width than ``spec``; a free axis is a string or ``None``.

    Raises:
        IncompatibleGraph: It takes no pictures, or none of this layout.
    """
    declared = session.get_inputs()[0].shape
    wrong = [
        axis
        for axis, (size, ours) in enumerate(zip(declared, spec.shape, strict=False))
        if isinstance(size, int) and size != ours
    ]
    if len(declared) != len(spec.shape) or spec.layout.index("c") in wrong:
        raise IncompatibleGraph(
            f"{model.name} takes an input of shape {declared}, which is no picture laid out as {spec.layout}."
        )
    return bool(wrong)


def _try_out(session: ort.InferenceSession, spec: InputSpec) -> None:
    """Run once on a black picture: shapes that are computed on the way do not fit only then."""
    quiet = ort.RunOptions()
    quiet.log_severity_level = 4
    session.run(None, {session.get_inputs()[0].name: np.zeros(spec.shape, np.float32)}, quiet)
