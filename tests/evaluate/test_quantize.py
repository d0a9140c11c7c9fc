"""Graphs in int8: which operators are rounded, and that their answers stay near."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from vultus.errors import ExtraMissing, IncompatibleGraph
from vultus.evaluate.quantize import check_quantizer, quantize
from vultus.runtime.onnx import OnnxRuntime, normalise
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit

SPEC = InputSpec(16, 12, mean=(127.5,) * 3, std=(127.5,) * 3)
MODEL = Model(
    name="net", task="detection", family="scrfd", file="net.onnx", sha256="0" * 64, licence="MIT",
    source_project="a test", sources=(), input=SPEC,
)  # fmt: skip


def pictures(count: int, height: int = 12, width: int = 16) -> list[Image]:
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A convolution, PRelu, a depthwise convolution, and a convolution to two channels; of an old operator set."""
    random = np.random.default_rng(1)
    weights = {
        "first": random.normal(0, 0.3, (8, 3, 3, 3)),
        "slopes": random.uniform(0.1, 0.3, (8, 1, 1)),
        "depthwise": random.normal(0, 0.3, (8, 1, 3, 3)),
        "last": random.normal(0, 0.3, (2, 8, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["input", "first"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["a", "slopes"], ["b"]),
        helper.make_node("Conv", ["b", "depthwise"], ["c"], name="by groups", group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "last"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 12, 16])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 2, 12, 16])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), path)
    return path


def answer(path: Path, row: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"input": normalise(row, SPEC)})
    return np.asarray(output, np.float32)


def test_inputs_of_convolutions_are_rounded_but_for_those_by_groups(source: Path, tmp_path: Path) -> None:
    quantize(MODEL, source, tmp_path / "int8.onnx", pictures(8), (12, 16, 3))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    made_by = {output: node for node in graph.node for output in node.output}
    inputs = {
        node.name: [made_by[name].op_type if name in made_by else "" for name in node.input]
        for node in graph.node
        if node.op_type == "Conv"
    }
    assert inputs.pop("by groups") == ["PRelu", ""]
    assert list(inputs.values()) == [["DequantizeLinear"] * 2] * 2
    assert made_by["output"].op_type == "Conv"  # what comes out is not rounded
    kinds = {weight.data_type for weight in graph.initializer if list(weight.dims) in ([8, 3, 3, 3], [2, 8, 1, 1])}
    assert kinds == {TensorProto.INT8}
    scales = {len(weight.float_data) or weight.dims[0] for weight in graph.initializer if len(weight.dims) == 1}
    assert {8, 2} <= scales  # one for each channel


def test_answers_stay_near_also_at_other_sizes(source: Path, tmp_path: Path) -> None:
    quantize(MODEL, source, tmp_path / "int8.onnx", [*pictures(8), *pictures(4, 24, 8)], (12, 16, 3))
    for row in pictures(3):
        exact, rounded = answer(source, row), answer(tmp_path / "int8.onnx", row)
        # Factors are rounded to a 255th of their range; over three layers that adds up to less than 3 % of the output.
        assert np.abs(exact - rounded).max() < 0.03 * np.ptp(exact)
        assert not np.array_equal(exact, rounded)
    assert answer(tmp_path / "int8.onnx", pictures(1, 20, 30)[0]).shape == (1, 2, 20, 30)


@pytest.mark.parametrize("make", [OpenVinoRuntime, OnnxRuntime])
def test_both_engines_run_it(make: Callable[..., OpenVinoRuntime | OnnxRuntime], source: Path, tmp_path: Path) -> None:
    quantize(MODEL, source, tmp_path / "int8.onnx", pictures(8), (12, 16, 3))
    workers = Workers(1)
    runtime = make("cpu", "int8", workers, 1)
    try:
        (row,) = pictures(1)
        (output,) = runtime.load(MODEL, tmp_path / "int8.onnx", SPEC).run(row[np.newaxis], Ticket())
    finally:
        workers.close()
    exact = answer(source, row)
    assert runtime.precision == "int8"
    assert np.abs(output - exact).max() < 0.03 * np.ptp(exact)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(IncompatibleGraph, match="net cannot be quantized"):
        quantize(MODEL, tmp_path / "net.onnx", tmp_path / "int8.onnx", pictures(1), (12, 16, 3))
    assert not (tmp_path / "int8.onnx").exists()


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    with pytest.raises(ExtraMissing, match=r"vultus\[onnx\]"):
        check_quantizer()
