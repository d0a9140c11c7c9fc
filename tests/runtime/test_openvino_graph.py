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

from vultus.runtime.openvino_graph import LEAST_CHANNELS, fill_groups, improve, join_siblings, take_pixels
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


def heads(counts: list[int], *, biased: bool = True, strides: tuple[int, ...] = (), named: bool = False) -> bytes:
    """A graph of convolutions of one input, with so many channels each; what is told of them is turned to rows.

    Args:
        counts: Channels of each.
        biased: Whether they have biases.
        strides: Of each; none: 1.
        named: Whether the convolutions' own answers are the graph's outputs.
    """
    random = np.random.default_rng(len(counts))
    constants, nodes, outputs = [], [], []
    for place, count in enumerate(counts):
        weights = {f"weights{place}": random.normal(size=(count, CHANNELS, 3, 3))}
        weights |= {f"bias{place}": random.normal(size=count)} if biased else {}
        constants += [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
        stride = strides[place] if strides else 1
        options: dict[str, Any] = {"pads": [1, 1, 1, 1], "strides": [stride, stride]}
        nodes.append(helper.make_node("Conv", ["input", *weights], [f"answer{place}"], **options))
        nodes.append(helper.make_node("Transpose", [f"answer{place}"], [f"rows{place}"], perm=[0, 2, 3, 1]))
        outputs.append(f"answer{place}" if named else f"rows{place}")
    graph = helper.make_graph(
        nodes,
        "heads",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, CHANNELS, 9, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in outputs],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    content: bytes = made.SerializeToString()
    return content


def convolutions_of(graph: ov.Model) -> list[int]:
    """Output channels of the convolutions that the graph's outputs need."""
    return [node.get_output_shape(0)[1] for node in graph.get_ordered_ops() if node.get_type_name() == "Convolution"]


@pytest.mark.unit
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("counts", "strides", "left"),
    [
        ([2, 8, 20], (), [30]),  # 64 lanes become 32
        ([20, 2, 8], (), [30]),
        ([16, 16], (), [16, 16]),  # together they would be as many
        ([12, 17], (), [29]),
        ([15, 17], (), [32]),
        ([2], (), [2]),
        ([2, 3, 4, 5], (1, 2, 1, 2), [6, 8]),  # only of a kind
        ([16, 3], (2, 1), [16, 3]),
    ],
)
def test_siblings_are_joined_where_that_saves_lanes_and_answer_the_same(
    counts: list[int], strides: tuple[int, ...], left: list[int], biased: bool, named: bool
) -> None:
    content = heads(counts, biased=biased, strides=strides, named=named)
    values = np.random.default_rng(1).normal(size=(1, CHANNELS, 9, 8)).astype(np.float32)
    session = ort.InferenceSession(content)
    expected = session.run(None, {"input": values})
    core = ov.Core()
    graph = core.read_model(content)
    join_siblings(graph)
    compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert sorted(convolutions_of(graph)) == sorted(left)
    assert [output.get_any_name() for output in compiled.outputs] == [output.name for output in session.get_outputs()]
    found = compiled([values])
    for index, whole in enumerate(expected):  # sums of 216 products of about 1
        np.testing.assert_allclose(found[index], whole, rtol=1e-5, atol=1e-4)


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
@pytest.mark.parametrize("name", ["scrfd_500m_bnkps", "scrfd_2.5g_kps", "retinaface_mnet025_v2"])
def test_the_heads_of_a_detector_are_joined(shared_models: Path, name: str) -> None:
    """Scores, boxes and points of three strides."""
    model = Catalogue.load().model(name)
    graph = ov.Core().read_model(shared_models / model.file)
    graph.reshape(list(model.input.shape))
    before = len(convolutions_of(graph))
    improve(graph)
    assert len(convolutions_of(graph)) == before - 9 + 3


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
