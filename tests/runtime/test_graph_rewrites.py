"""Graphs with other operators, or in another arithmetic, than their file's: they answer as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tools.make_network import make_network

from vultus.runtime import onnx as engine
from vultus.runtime.graph import halved, has_prelu, reshaped, taking_pixels, without_prelu
from vultus.runtime.onnx import OnnxRuntime, has_slow_prelu
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

CHANNELS, HEIGHT, WIDTH = 5, 4, 6


def prelu_graph(slopes: NDArray[np.float32], batch: int | str = "n", opset: int = 13) -> bytes:
    """Two PReLUs in a row, of which the second has its slopes from an operator."""
    shape = [batch, CHANNELS, HEIGHT, WIDTH]
    made = helper.make_graph(
        [
            helper.make_node("PRelu", ["pixels", "slopes"], ["once"]),
            helper.make_node("Neg", ["slopes"], ["others"]),
            helper.make_node("PRelu", ["once", "others"], ["twice"]),
        ],
        "prelu",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("twice", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(slopes, "slopes")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def answer(graph: bytes, values: NDArray[np.float32]) -> NDArray[np.float32]:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: values})
    return np.asarray(result)


@pytest.mark.unit
@pytest.mark.parametrize(
    "shape",
    [(CHANNELS, 1, 1), (1, CHANNELS, 1, 1), (1,), (), (WIDTH,), (CHANNELS, HEIGHT, WIDTH)],
    ids=str,
)
@pytest.mark.parametrize("batch", [1, "n"])
def test_without_prelu_a_graph_says_the_same_to_the_bit(shape: tuple[int, ...], batch: int | str) -> None:
    random = np.random.default_rng(len(shape))
    slopes = np.asarray(random.normal(0, 1, shape), np.float32)
    rows = 1 if batch == 1 else 3
    values = random.normal(0, 10, (rows, CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    values.ravel()[:4] = 0, -0.0, 3e38, -1e-40
    graph = prelu_graph(slopes, batch)
    changed = without_prelu(graph)
    operators = {node.op_type for node in onnx.load_model_from_string(changed).graph.node}
    assert operators == {"Relu", "Neg", "Mul", "Sub"}
    onnx.checker.check_model(onnx.load_model_from_string(changed), full_check=True)
    with np.errstate(over="ignore", under="ignore"):
        once = np.where(values < 0, slopes * values, values)
        expected = np.where(once < 0, -slopes * once, once)
    found = answer(changed, values)
    np.testing.assert_array_equal(found, answer(graph, values))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.unit
def test_graphs_from_before_broadcasting_stay_as_they_are() -> None:
    old = prelu_graph(np.ones(CHANNELS, np.float32), opset=6)
    assert has_prelu(old)
    assert without_prelu(old) == old
    assert not has_prelu(make_network("arcface").SerializeToString())


@pytest.mark.unit
@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.20.1", False), ("1.26.0", False), ("1.27.0", True), ("1.31.1", True), ("1.27.0.dev2026", True), ("2.0", True)],
)
def test_prelu_is_slow_from_1_27_on(monkeypatch: pytest.MonkeyPatch, version: str, expected: bool) -> None:
    monkeypatch.setattr(ort, "__version__", version)
    assert has_slow_prelu() is expected


@pytest.mark.unit
@pytest.mark.parametrize(("version", "rewrites"), [("1.26.0", 0), ("1.27.0", 1)])
def test_the_engine_rewrites_only_where_prelu_is_slow(
    workers: Workers,
    model: Callable[[InputSpec], Model],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    rewrites: int,
) -> None:
    """And only graphs that have one: the second file here has none."""
    rewritten: list[bytes] = []

    def note(data: bytes) -> bytes:
        rewritten.append(data)
        return without_prelu(data)

    monkeypatch.setattr(ort, "__version__", version)
    monkeypatch.setattr(engine, "without_prelu", note)
    embedder = make_network("arcface")
    plain = embedder.SerializeToString()
    embedder.graph.initializer.append(numpy_helper.from_array(np.array([0.25], np.float32), "slope"))
    embedder.graph.node[-1].output[0] = "before"
    embedder.graph.node.append(helper.make_node("PRelu", ["before", "slope"], [embedder.graph.output[0].name]))
    spec = InputSpec(112, 112)
    batch = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), np.uint8)
    answers = []
    for content in (embedder.SerializeToString(), plain):
        path = tmp_path / "embedder.onnx"
        path.write_bytes(content)
        network = OnnxRuntime("cpu", "f32", workers, 2).load(model(spec), path, spec)
        answers.append(network.run(batch, Ticket())[0])
    assert len(rewritten) == rewrites
    np.testing.assert_allclose(answers[0], np.where(answers[1] < 0, answers[1] / 4, answers[1]), rtol=1e-5)


@pytest.mark.integration
def test_a_real_embedder_says_the_same_without_prelu(shared_models: Path) -> None:
    data = (shared_models / "w600k_mbf.onnx").read_bytes()
    changed = without_prelu(data)
    assert has_prelu(data)
    assert not any(node.op_type == "PRelu" for node in onnx.load_model_from_string(changed).graph.node)
    values = np.random.default_rng(5).normal(0, 1, (1, 3, 112, 112)).astype(np.float32)
    expected = answer(data, values)
    np.testing.assert_allclose(answer(changed, values), expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.unit
@pytest.mark.parametrize("name", ["scrfd_kps", "arcface", "yolov5face"])
def test_a_halved_graph_has_half_the_weights_and_takes_and_gives_float32(name: str) -> None:
    data = make_network(name, size=128 if name != "arcface" else 0).SerializeToString()
    spec = InputSpec(112, 112) if name == "arcface" else InputSpec(128, 128)
    changed = halved(data, spec)
    weights = [numpy_helper.to_array(weight) for weight in onnx.load_model_from_string(changed).graph.initializer]
    assert {weight.dtype.name for weight in weights if weight.dtype.kind == "f"} == {"float16"}
    session = ort.InferenceSession(changed, providers=["CPUExecutionProvider"])
    assert {value.type for value in (*session.get_inputs(), *session.get_outputs())} == {"tensor(float)"}
    values = np.random.default_rng(2).normal(0, 1, spec.shape).astype(np.float32)
    whole = ort.InferenceSession(reshaped(data, spec.shape), providers=["CPUExecutionProvider"])
    for half, full in zip(
        session.run(None, {session.get_inputs()[0].name: values}),
        whole.run(None, {whole.get_inputs()[0].name: values}),
        strict=True,
    ):
        np.testing.assert_allclose(half, full, atol=5e-3 * np.abs(full).max())


@pytest.mark.integration
@pytest.mark.parametrize("file", ["scrfd_500m_bnkps", "scrfd_2.5g_bnkps"])
def test_a_real_detector_in_fp16_takes_pixels_in_batches(shared_models: Path, file: str) -> None:
    """Reshaped twice, with a map that is resized to a constant size: the batch has to come through."""
    spec = InputSpec(640, 640, mean=(127.5,) * 3, std=(128.0,) * 3)
    data = (shared_models / f"{file}.onnx").read_bytes()
    pixels = np.random.default_rng(3).integers(0, 256, (2, 640, 640, 3), np.uint8)
    answers = []
    for graph in (halved(data, spec), data):
        session = ort.InferenceSession(taking_pixels(graph, spec, 2), providers=["CPUExecutionProvider"])
        answers.append(session.run(None, {session.get_inputs()[0].name: pixels}))
    for half, full in zip(*answers, strict=True):
        assert half.shape == full.shape
        np.testing.assert_allclose(half, full, atol=0.05 * np.abs(full).max())
