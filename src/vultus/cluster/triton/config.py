"""What Triton is told of a model: its ``config.pbtxt``.

Fields and their meaning: Triton's "Model Configuration" and the READMEs of its ONNX Runtime, TensorRT and Python
backends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self, TypeAlias

from vultus.cluster.triton.graph import Form, Served, Tensor
from vultus.cluster.triton.repository import VERSION
from vultus.cluster.triton.text import Message, Word, entries, text_of
from vultus.errors import DeviceUnavailable, PrecisionUnavailable
from vultus.runtime.batching import SIZES
from vultus.runtime.cores import available_cores
from vultus.runtime.cuda import DEVICE

Platform: TypeAlias = Literal["onnxruntime", "tensorrt", "python"]
Engine: TypeAlias = Literal["openvino", "onnxruntime"]

USUAL_ROWS = 8
"""Rows of a batch that TensorRT makes an engine best for."""

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "uint8": "TYPE_UINT8",
        "int32": "TYPE_INT32",
        "int64": "TYPE_INT64",
        "float16": "TYPE_FP16",
        "float32": "TYPE_FP32",
        "float64": "TYPE_FP64",
    }
)
_PLATFORMS: Mapping[Platform, Message] = MappingProxyType(
    {
        "onnxruntime": {"backend": "onnxruntime", "platform": "onnxruntime_onnx"},
        "tensorrt": {"backend": "tensorrt", "platform": "tensorrt_plan"},
        "python": {"backend": "python"},
    }
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where and how a server is to run the models.

    Attributes:
        platform: The backend: Triton's ONNX Runtime, its TensorRT, or Python.
        instances: How many of each model compute side by side, on each GPU or on the processor.
        gpus: Numbers of the GPUs; none: the processor.
        accelerated: Let ONNX Runtime hand the graph to TensorRT.
        engine: What a model in Python computes with.
    """

    platform: Platform
    instances: int
    gpus: tuple[int, ...] = ()
    accelerated: bool = False
    engine: Engine = "openvino"

    @classmethod
    def of(cls, platform: Platform, device: str, instances: int | None = None, engine: Engine = "openvino") -> Self:
        """That for a device as the settings name it: ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt`` ...

        Args:
            platform: See there.
            device: What the server is to compute on.
            instances: ``None``: one for each core of this machine, or one on a GPU.
            engine: See there.

        Raises:
            DeviceUnavailable: The platform does not compute on it.
        """
        gpu = DEVICE.fullmatch(device.lower())
        if gpu is None and device.lower() != "cpu":
            raise DeviceUnavailable(f"Triton has no device {device!r}; set device to cpu, cuda, cuda:1 or tensorrt.")
        if gpu is None and platform == "tensorrt":
            raise DeviceUnavailable("TensorRT computes on GPUs alone: set device to cuda.")
        if gpu is not None and platform == "python":
            raise DeviceUnavailable(
                "models in Python compute on the processor: set device to cpu, or take another platform."
            )
        return cls(
            platform=platform,
            instances=instances or (1 if gpu else available_cores()),
            gpus=(int(gpu[2] or 0),) if gpu else (),
            accelerated=gpu is not None and gpu[1] == "tensorrt",
            engine=engine,
        )

    @property
    def device(self) -> str:
        """As messages name it."""
        return f"GPU {', '.join(map(str, self.gpus))}" if self.gpus else "CPU"

    def form(self, precision: str, max_batch_size: int) -> Form:
        """How graphs are to be for it.

        Args:
            precision: As the settings name it.
            max_batch_size: Most rows of a batch.

        Raises:
            PrecisionUnavailable: It does not compute in that.
        """
        known = ("f32", "fp16") if self.gpus else ("f32", "int8")
        if precision not in (*known, "auto"):
            raise PrecisionUnavailable(f"models for a {self.device} are in {' or '.join(known)}, not in {precision}.")
        chosen = "f32" if precision == "auto" else precision
        # TensorRT is told to compute in fp16; ONNX Runtime computes what the graph says.
        halve = chosen == "fp16" and self.platform == "onnxruntime" and not self.accelerated
        return Form(max_batch_size, chosen, halve=halve, single=self.platform == "python")


def config_of(served: Served, deployment: Deployment) -> str:
    """The ``config.pbtxt`` of a model: batches of what waits, warm-up, one version, and what its file was made of."""
    message: dict[str, object] = {
        "name": served.name,
        **_PLATFORMS[deployment.platform],
        "max_batch_size": served.max_batch_size,
        "version_policy": {"latest": {"num_versions": 1}},
        "input": [_tensor(served.input)],
        "output": [_tensor(output) for output in served.outputs],
        "instance_group": [_instances(deployment)],
        "model_warmup": _warm_ups(served, deployment),
    }
    if served.max_batch_size > 1:
        message["dynamic_batching"] = {
            "preferred_batch_size": _sizes(served),
            "max_queue_delay_microseconds": 0,  # nobody waits for a batch to fill
            # A request that says how long it may wait is dropped after that.
            "default_queue_policy": {"timeout_action": Word("REJECT"), "allow_timeout_override": True},
        }
    if deployment.platform == "onnxruntime" and deployment.gpus:
        message["optimization"] = {
            "execution_accelerators": {"gpu_execution_accelerator": _accelerator(served, deployment)}
        }
    message["parameters"] = entries(
        {key: {"string_value": value} for key, value in _parameters(served, deployment).items()}
    )
    return text_of(message)  # type: ignore[arg-type]  # its values are of many kinds


def trtexec_of(served: Served) -> str:
    """The arguments with which ``trtexec`` makes the engine of a model, in its folder of the repository."""
    folder = f"{served.name}/{VERSION}"
    shapes = " ".join(f"--{kind}Shapes={shape}" for kind, shape in _profile(served).items())
    return " ".join(
        [
            f"--onnx={folder}/model.onnx --saveEngine={folder}/model.plan",
            *([shapes] if shapes else []),
            *(["--fp16"] if served.precision == "fp16" else []),
        ]
    )


def _profile(served: Served) -> dict[str, str]:
    """The input's shapes that TensorRT has to be ready for, and what it is to be best at; none where there is one."""
    if served.max_batch_size < 2:
        return {}
    rows = {"min": 1, "opt": min(USUAL_ROWS, served.max_batch_size), "max": served.max_batch_size}
    return {kind: f"{served.input.name}:{'x'.join(map(str, (n, *served.input.dims)))}" for kind, n in rows.items()}


def _tensor(tensor: Tensor) -> Message:
    return {"name": tensor.name, "data_type": Word(_TYPES[tensor.dtype]), "dims": list(tensor.dims)}


def _sizes(served: Served) -> list[int]:
    """Rows of the batches that are made: few sizes, as an accelerator prepares for each."""
    return [size for size in SIZES if size <= max(served.max_batch_size, 1)]


def _instances(deployment: Deployment) -> Message:
    if deployment.gpus:
        return {"kind": Word("KIND_GPU"), "count": deployment.instances, "gpus": list(deployment.gpus)}
    return {"kind": Word("KIND_CPU"), "count": deployment.instances}


def _warm_ups(served: Served, deployment: Deployment) -> Sequence[Message]:
    """A black picture; on a GPU in every size of a batch, for the first run of each is slow there."""
    pixels: Message = {
        "data_type": Word(_TYPES[served.input.dtype]),
        "dims": list(served.input.dims),
        "zero_data": True,
    }
    return [
        {"name": f"{rows} black", "batch_size": rows, "inputs": entries({served.input.name: pixels})}
        for rows in (_sizes(served) if deployment.gpus else [1])
    ]


def _accelerator(served: Served, deployment: Deployment) -> Message:
    if not deployment.accelerated:
        # ONNX Runtime otherwise rounds factors to 10 bits: f32 is to be f32.
        return {"name": "cuda", "parameters": entries({"use_tf32": "0"})}
    shapes = {f"trt_profile_{kind}_shapes": shape for kind, shape in _profile(served).items()}
    mode = "FP16" if served.precision == "fp16" else "FP32"
    return {"name": "tensorrt", "parameters": entries({"precision_mode": mode, **shapes})}


def _parameters(served: Served, deployment: Deployment) -> dict[str, str]:
    """What a client checks, and what backends are told by name."""
    told = {"sha256": served.sha256, "precision": served.precision, "licence": served.model.licence}
    match deployment.platform:
        case "python":
            return told | {"engine": deployment.engine}
        case "onnxruntime" if not deployment.gpus:  # each instance has a core
            return told | {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}
        case _:
            return told
