"""Small ONNX graphs whose answers can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vultus.runtime.workers import Workers
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(2)
    yield pool
    pool.close()


@pytest.fixture
def model() -> Callable[[InputSpec], Model]:
    """A catalogue entry for a graph made by a test."""

    def make(spec: InputSpec) -> Model:
        return Model(
            name="probe",
            task="detection",
            family="scrfd",
            file="probe.onnx",
            sha256="0" * 64,
            size=1,
            licence="Apache-2.0",
            commercial_use=True,
            source_project="a test",
            sources=(),
            input=spec,
        )

    return make


@pytest.fixture
def echo_graph(tmp_path: Path) -> Callable[..., Path]:
    """A graph that hands its input back twice: as it is, and flattened to ``[n, values]``."""

    def make(shape: list[int | str]) -> Path:
        nodes = [
            helper.make_node("Identity", ["input"], ["same"]),
            helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        ]
        graph = helper.make_graph(
            nodes,
            "echo",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info("same", TensorProto.FLOAT, [None] * 4),
                helper.make_tensor_value_info("flat", TensorProto.FLOAT, [None, None]),
            ],
        )
        return _save(tmp_path / "echo.onnx", graph)

    return make


@pytest.fixture
def unbatched_graph(tmp_path: Path) -> Path:
    """A graph that drops the batch axis, as some detectors' exports do: ``[1, 3, 4, 4]`` to ``[16, 3]``."""
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["input"], ["nhwc"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", ["nhwc", "shape"], ["rows"]),
        ],
        "unbatched",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [16, 3])],
        [numpy_helper.from_array(np.array([16, 3], np.int64), "shape")],
    )
    return _save(tmp_path / "unbatched.onnx", graph)


def _save(path: Path, graph: onnx.GraphProto) -> Path:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path
