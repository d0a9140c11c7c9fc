"""A Triton model in Python that runs the ONNX file beside it; ``vultus triton export`` puts a copy there.

It stands alone: Triton's Python backend runs it in an environment of its own, where Vultus is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

Run: TypeAlias = Callable[[NDArray[np.uint8]], Sequence[NDArray[Any]]]


class TritonPythonModel:
    """Answers requests with the outputs of the graph, one picture after the other: on one core that is fastest."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the graph with the engine that the configuration names.

        Raises:
            TritonModelException: This environment lacks the engine, or has a numpy that does not work here.
        """
        _check_numpy()
        config = json.loads(args["model_config"])
        engine = config["parameters"]["engine"]["string_value"]
        self._input = config["input"][0]["name"]
        self._outputs = [output["name"] for output in config["output"]]
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        try:
            self._run = _ENGINES[engine](str(path), self._outputs)
        except ImportError as error:
            raise pb_utils.TritonModelException(
                f"{engine} is not installed where Triton's Python backend runs ({error}): "
                "install what requirements.txt of this repository names there"
            ) from error

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One answer for each request; one that fails has its error."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - Triton's own types are compiled
        try:
            pixels = pb_utils.get_input_tensor_by_name(request, self._input).as_numpy()
            rows = [self._run(pixels[index : index + 1]) for index in range(len(pixels))]
            tensors = [
                pb_utils.Tensor(name, np.concatenate([row[place] for row in rows]))
                for place, name in enumerate(self._outputs)
            ]
            return pb_utils.InferenceResponse(output_tensors=tensors)
        except Exception as error:
            return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(str(error)))


def _check_numpy() -> None:
    """Refuse numpy 2: in older Tritons (seen with 2.51) tensors that are made of its arrays are silently empty.

    Raises:
        TritonModelException: It is numpy 2 or newer.
    """
    if int(np.__version__.split(".")[0]) >= 2:
        raise pb_utils.TritonModelException(
            f"numpy {np.__version__} is installed where Triton's Python backend runs, and may make its tensors empty: "
            "install what requirements.txt of this repository names there"
        )


def _openvino(path: str, outputs: Sequence[str]) -> Run:
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
    compiled = openvino.Core().compile_model(path, "CPU", options)

    def run(pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        answers = compiled(pixels)
        return [answers[name] for name in outputs]

    return run


def _onnxruntime(path: str, outputs: Sequence[str]) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(outputs, {name: pixels})


_ENGINES: dict[str, Callable[[str, Sequence[str]], Run]] = {"openvino": _openvino, "onnxruntime": _onnxruntime}
