"""Graphs changed for OpenVINO: the same answers as ONNX Runtime gives with the untouched ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from vultus.runtime.openvino_graph import LEAST_CHANNELS, fill_groups, take_pixels
from vultus.zoo.catalogue import Catalogue

CHANNELS = 24


def convolution(groups: int, outputs: int, **options: Any) -> bytes:
    """A graph of one convolution of 24 channels, with so many outputs a group."""
    weights = np.random.default_rng(groups).normal(size=(groups * outputs, CHANNELS // groups, 3, 3))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weights"], ["output"], group=groups, **options)],
        "grouped",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [2, CHANNELS, 9, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None] * 4)],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    content: bytes = made.SerializeToString()
    return content


def groups_of(graph: ov.Model) -> list[int]:
    return [
        node.input_value(1).get_shape()[0] for node in graph.get_ops() if node.get_type_name() == "GroupConvolution"
    ]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("groups", "outputs", "left"),
    [
        (12, 2, [3]),  # 2 channels each: 4 groups become one
        (12, 1, [3]),
        (12, 3, [3]),
        (6, 4, [3]),
        (8, 3, []),  # 3 channels each: 3 groups would become one, which 8 cannot
        (24, 1, []),  # a channel each, which has kernels of its own
        (24, 2, []),
        (3, 2, []),  # 8 channels each: enough
        (2, 2, []),
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"pads": [1, 1, 1, 1]},
        {"strides": [2, 1], "pads": [2, 0, 1, 1]},
        {"dilations": [2, 2]},
        {"auto_pad": "SAME_LOWER"},
    ],
)
def test_narrow_groups_are_joined_and_answer_the_same(
    groups: int, outputs: int, left: list[int], options: dict[str, Any]
) -> None:
    content = convolution(groups, outputs, **options)
    values = np.random.default_rng(1).normal(size=(2, CHANNELS, 9, 8)).astype(np.float32)
    (expected,) = ort.InferenceSession(content).run(None, {"input": values})
    core = ov.Core()
    graph = core.read_model(content)
    fill_groups(graph)
    assert groups_of(graph) == (left or [groups])
    found = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([values])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.unit
def test_weights_that_are_no_constants_are_left_alone() -> None:
    model = onnx.load_model_from_string(convolution(12, 2))
    (weights,) = model.graph.initializer
    model.graph.input.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, weights.dims))
    del model.graph.initializer[:]
    graph = ov.Core().read_model(model.SerializeToString())
    fill_groups(graph)
    assert groups_of(graph) == [12]


@pytest.mark.integration
def test_the_default_embedder_has_no_narrow_groups_left(shared_models: Path) -> None:
    model = Catalogue.load().model("w600k_mbf")
    graph = ov.Core().read_model(shared_models / model.file)
    before = groups_of(graph)
    fill_groups(graph)
    after = [
        node.input_value(1).get_shape()[2] for node in graph.get_ops() if node.get_type_name() == "GroupConvolution"
    ]
    assert 64 in before  # two channels a group
    assert {inputs for inputs in after if inputs > 1} == {LEAST_CHANNELS}


@pytest.mark.integration
@pytest.mark.parametrize("name", ["scrfd_500m_bnkps", "w600k_mbf"])
def test_pixels_are_not_laid_out_anew(shared_models: Path, name: str) -> None:
    """What makes OpenVINO's own normalisation slow: pixels turned to NCHW, and back for the convolutions."""
    model = Catalogue.load().model(name)
    core = ov.Core()
    graph = core.read_model(shared_models / model.file)
    graph.reshape(list(model.input.shape))
    compiled = core.compile_model(take_pixels(graph, model.input), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    nodes = compiled.get_runtime_model().get_ops()
    pixels = [node.get_friendly_name() for node in nodes if tuple(node.get_output_shape(0)) == model.input.shape]
    moves = [name for name in pixels if "_abcd_" in name]  # from one layout to another
    assert moves
    assert all(name.endswith("_fake") for name in moves)  # OpenVINO's word for one that moves nothing
