from __future__ import annotations

import math

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import shape_inference

from benchmarks.random_networks import CELL, iresnet50, scrfd_10g
from vultus.runtime.graph import reshaped

pytestmark = pytest.mark.unit


def multiplications(graph: bytes, shape: tuple[int, ...]) -> float:
    """Of all convolutions and matrix products, in billions: from the shapes that the library infers."""
    model = shape_inference.infer_shapes(onnx.load_model_from_string(reshaped(graph, shape)), strict_mode=True)
    weights = {weight.name: list(weight.dims) for weight in model.graph.initializer}
    values = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += math.prod(weights[node.input[1]]) * math.prod(values[node.output[0]][2:])
        elif node.op_type == "Gemm":
            total += math.prod(weights[node.input[1]])
    return total / 1e9


def test_the_detector_costs_what_scrfd_10g_does() -> None:
    """9.98 billion at 640 x 480: InsightFace's list of SCRFD's models."""
    assert multiplications(scrfd_10g(), (1, 3, 480, 640)) == pytest.approx(9.98, rel=0.1)


def test_the_embedder_costs_what_arcfaces_resnet_50_does() -> None:
    """6.3 billion and 43.6 million weights: InsightFace's list of its backbones."""
    graph = iresnet50()
    assert multiplications(graph, (1, 3, 112, 112)) == pytest.approx(6.3, rel=0.1)
    weights = onnx.load_model_from_string(graph).graph.initializer
    assert sum(math.prod(weight.dims) for weight in weights) == pytest.approx(43.6e6, rel=0.02)


def test_a_white_cell_is_a_face_and_nothing_else_is() -> None:
    session = ort.InferenceSession(scrfd_10g(1 / 8), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).uniform(-1, -0.3, (2, 3, 128, 128)).astype(np.float32)
    pixels[1, :, CELL : 2 * CELL, 2 * CELL : 3 * CELL] = 1
    names = [output.name for output in session.get_outputs()]
    assert names == [f"{kind}_{stride}" for kind in ("score", "bbox", "kps") for stride in (8, 16, 32)]
    outputs = dict(zip(names, session.run(None, {"pixels": pixels}), strict=True))
    scores = np.concatenate([outputs[f"score_{stride}"] for stride in (8, 16, 32)], axis=1)
    assert (scores > 0.5).sum(axis=(1, 2)).tolist() == [0, 1]
    assert outputs["score_32"][1].argmax() == (1 * 4 + 2) * 2  # two anchors a cell, row by row
    np.testing.assert_allclose(outputs["bbox_32"], 1, atol=0.05)
    assert np.abs(outputs["kps_32"]).max() < 1


def test_values_stay_within_fp16_through_all_blocks() -> None:
    model = onnx.load_model_from_string(iresnet50(1 / 4))
    sums = [node.output[0] for node in model.graph.node if node.op_type == "Add"]
    assert len(sums) == 3 + 4 + 14 + 3
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in sums)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, 3, 112, 112)).astype(np.float32)
    answers = session.run(None, {"pixels": pixels})
    assert max(np.abs(answer).max() for answer in answers) < np.finfo(np.float16).max / 100
    assert all(answer.std() > 1e-2 for answer in answers)


def test_the_same_seed_makes_the_same_network() -> None:
    assert iresnet50(1 / 16) == iresnet50(1 / 16) != iresnet50(1 / 16, seed=2)
