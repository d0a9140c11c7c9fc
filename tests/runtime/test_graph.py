"""Networks run at another size than their file declares: the same on both runtimes, or refused by both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vultus.errors import IncompatibleGraph, RuntimeUnavailable
from vultus.runtime.graph import Rows, check_size, reshaped, taking_pixels, with_row_axis
from vultus.runtime.layout import Layout
from vultus.runtime.network import Runtime
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

ModelMaker = Callable[[InputSpec], Model]
WEIGHTS = np.array([[[[2.0]], [[3.0]], [[5.0]]]], np.float32)  # of a 1 x 1 convolution to one channel

HALVE = helper.make_node("AveragePool", ["mixed"], ["small"], kernel_shape=[2, 2], strides=[2, 2])


def graph(
    tail: Sequence[onnx.NodeProto] = (HALVE,),
    constants: Sequence[onnx.TensorProto] = (),
    shape: Sequence[int | str] = (10, 3, 8, 8),
    result: Sequence[int | str] = (10, 1, 4, 4),
    ir_version: int = 4,
) -> bytes:
    """An old export, which lists its weights as inputs and states the shapes that it was traced with."""
    weights = numpy_helper.from_array(WEIGHTS, "weights")
    inputs = [
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("weights", TensorProto.FLOAT, WEIGHTS.shape),
    ]
    made = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "weights"], ["mixed"]), *tail],
        "old",
        inputs,
        [helper.make_tensor_value_info("small", TensorProto.FLOAT, result)],
        [weights, *constants],
        value_info=[helper.make_tensor_value_info("mixed", TensorProto.FLOAT, [shape[0], 1, *shape[2:]])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 9)], ir_version=ir_version)
    content: bytes = model.SerializeToString()
    return content


def pixels(height: int, width: int) -> Image:
    return np.random.default_rng(height).integers(0, 256, (1, height, width, 3), np.uint8)


def expected(batch: Image) -> NDArray[np.float64]:
    """What the graph computes, worked out by NumPy."""
    mixed = batch.astype(np.float64) @ WEIGHTS.ravel()
    n, height, width = mixed.shape
    return np.asarray(mixed.reshape(n, 1, height // 2, 2, width // 2, 2).mean((3, 5)))


@pytest.fixture(params=[OpenVinoRuntime, OnnxRuntime], ids=["openvino", "onnx"])
def runtime(request: pytest.FixtureRequest, workers: Workers) -> Runtime:
    made: Runtime = request.param("cpu", "f32", workers, 2)
    return made


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    def save(content: bytes) -> Path:
        path = tmp_path / "old.onnx"
        path.write_bytes(content)
        return path

    return save


@pytest.mark.unit
@pytest.mark.parametrize("ir_version", [3, 4, 8])
def test_the_graph_gets_the_shape_and_keeps_its_weights_to_itself(ir_version: int) -> None:
    changed = onnx.load_model_from_string(reshaped(graph(ir_version=ir_version), (1, 3, 6, 4)))
    onnx.checker.check_model(changed, full_check=True)
    assert [value.name for value in changed.graph.input] == ["pixels"]
    assert [size.dim_value for size in changed.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 6, 4]
    assert not changed.graph.value_info
    assert changed.ir_version == max(4, ir_version)
    found = onnx.shape_inference.infer_shapes(changed, strict_mode=True).graph.output[0]
    assert [size.dim_value for size in found.type.tensor_type.shape.dim] == [1, 1, 3, 2]


@pytest.mark.unit
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 4), (4, 16), (64, 32)])
def test_a_network_runs_at_a_size_it_does_not_declare(
    runtime: Runtime, model: ModelMaker, saved: Callable[[bytes], Path], height: int, width: int
) -> None:
    path = saved(graph())
    network = runtime.load(model(InputSpec(8, 8)), path, InputSpec(width, height))
    batch = pixels(height, width)
    (small,) = network.run(batch, Ticket())
    np.testing.assert_allclose(small, expected(batch), rtol=1e-6)
    assert network.spec.outputs == ("small",)
    assert path.read_bytes() == graph()  # the file is as it was: its hash is known to the catalogue


@pytest.mark.unit
def test_a_batch_that_is_fixed_does_not_matter(
    runtime: Runtime, model: ModelMaker, saved: Callable[[bytes], Path]
) -> None:
    network = runtime.load(model(InputSpec(8, 8)), saved(graph()), InputSpec(8, 8))
    batch = np.concatenate([pixels(8, 8)] * 3)
    np.testing.assert_allclose(network.run(batch, Ticket())[0], expected(batch), rtol=1e-6)


def grid(rows: int, columns: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Adds the place of each cell, as a constant."""
    places = np.arange(rows * columns, dtype=np.float32).reshape(1, 1, rows, columns)
    return [helper.make_node("Add", ["mixed", "places"], ["small"])], [numpy_helper.from_array(places, "places")]


def fold(*shape: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    sizes = numpy_helper.from_array(np.array(shape, np.int64), "sizes")
    return [helper.make_node("Reshape", ["mixed", "sizes"], ["small"])], [sizes]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("tail", "constants", "result"),
    [pytest.param(*grid(8, 8), (1, 1, 8, 8), id="grid"), pytest.param(*fold(1, 2, 4, 8), (1, 2, 4, 8), id="reshape")],
)
def test_a_network_with_its_size_built_in_is_refused_at_another(
    runtime: Runtime,
    model: ModelMaker,
    saved: Callable[[bytes], Path],
    tail: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    result: tuple[int, ...],
) -> None:
    path = saved(graph(tail, constants, (1, 3, 8, 8), result))
    runtime.load(model(InputSpec(8, 8)), path, InputSpec(8, 8))
    with pytest.raises(IncompatibleGraph, match=r"old\.onnx cannot be run as probe at 16x12"):
        runtime.load(model(InputSpec(8, 8)), path, InputSpec(16, 12))


@pytest.mark.unit
def test_what_the_catalogue_says_of_the_size_counts_though_no_shape_betrays_it(
    runtime: Runtime, model: ModelMaker, saved: Callable[[bytes], Path]
) -> None:
    path = saved(graph(*fold(1, 2, 4, 8), (1, 3, 8, 8), (1, 2, 4, 8)))
    fixed = replace(model(InputSpec(8, 8)), resizable=False)
    runtime.load(fixed, path, InputSpec(8, 8))
    runtime.load(replace(fixed, resizable=True), path, InputSpec(16, 4))  # as many values: the answer is no use
    with pytest.raises(IncompatibleGraph, match="probe can only be run at 8x8, not at 16x4"):
        runtime.load(fixed, path, InputSpec(16, 4))


@pytest.mark.unit
def test_only_the_size_is_compared() -> None:
    own = InputSpec(8, 6)
    model = Model(
        name="probe",
        task="detection",
        family="scrfd",
        file="probe.onnx",
        licence="MIT",
        source_project="a test",
        sources=(),
        input=own,
        resizable=False,
    )
    check_size(model, replace(own, color="bgr"))
    check_size(replace(model, resizable=True), InputSpec(6, 8))
    with pytest.raises(IncompatibleGraph):
        check_size(model, InputSpec(6, 8))


@pytest.mark.unit
@pytest.mark.parametrize(
    "shape", [pytest.param((1, 4, 8, 8), id="channels"), pytest.param((1, 8, 8, 3), id="layout"), (1, 3, 8), (3,)]
)
def test_an_input_that_is_no_picture_is_refused_not_changed(
    model: ModelMaker, saved: Callable[[bytes], Path], workers: Workers, shape: tuple[int, ...]
) -> None:
    declared = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("same", TensorProto.FLOAT, None)
    made = helper.make_graph([helper.make_node("Identity", ["pixels"], ["same"])], "echo", [declared], [result])
    path = saved(helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString())
    with pytest.raises(IncompatibleGraph, match="no picture laid out as nchw"):
        OnnxRuntime("cpu", "f32", workers, 2).load(model(InputSpec(8, 8)), path, InputSpec(8, 8))


@pytest.mark.unit
def test_a_graph_that_fits_is_loaded_as_it_is(
    model: ModelMaker,
    saved: Callable[[bytes], Path],
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)  # as where it is not installed
    runtime = OnnxRuntime("cpu", "f32", workers, 2)
    for shape in ((1, 3, 8, 8), ("n", 3, "h", "w")):
        runtime.load(model(InputSpec(8, 8)), saved(graph(shape=shape)), InputSpec(8, 8))


@pytest.mark.unit
def test_where_the_library_is_missing_the_error_names_it(
    model: ModelMaker,
    saved: Callable[[bytes], Path],
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = graph()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'vultus\[onnx\]'"):
        OnnxRuntime("cpu", "f32", workers, 2).load(model(InputSpec(8, 8)), saved(content), InputSpec(4, 4))


@pytest.mark.unit
@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize(("rows", "name"), [(3, "vultus:pixels"), ("rows", "pixels")])
def test_pixels_are_normalised_in_the_graph(color: Any, layout: Any, whiten: bool, rows: Rows, name: str) -> None:
    spec = InputSpec(6, 4, mean=(10, 20, 30), std=(2, 4, 8), color=color, layout=layout, whiten=whiten)
    declared = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, (1, *spec.shape[1:]))
    result = helper.make_tensor_value_info("same", TensorProto.FLOAT, [None] * 4)
    made = helper.make_graph([helper.make_node("Identity", ["pixels"], ["same"])], "echo", [declared], [result])
    content = helper.make_model(made, opset_imports=[helper.make_opsetid("", 9)], ir_version=4).SerializeToString()
    session = ort.InferenceSession(taking_pixels(content, spec, rows, name), providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    assert (taken.name, taken.shape, taken.type) == (name, [rows, 4, 6, 3], "tensor(uint8)")
    batch = np.concatenate([pixels(4, 6), np.full((1, 4, 6, 3), 200, np.uint8), pixels(4, 6) // 9])
    values = ((batch if color == "rgb" else batch[..., ::-1]).astype(np.float64) - [10, 20, 30]) / [2, 4, 8]
    if whiten:
        deviation = values.std(axis=(1, 2, 3), keepdims=True)
        values = (values - values.mean(axis=(1, 2, 3), keepdims=True)) / np.maximum(deviation, (3 * 4 * 6) ** -0.5)
    (same,) = session.run(None, {taken.name: batch})
    expected = values.transpose(0, 3, 1, 2) if layout == "nchw" else values
    np.testing.assert_allclose(same, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.unit
def test_maps_resized_to_a_constant_size_keep_the_batch() -> None:
    """With one picture's size, a batch would silently go on with the first picture's map alone."""
    sizes = numpy_helper.from_array(np.array([1, 1, 16, 16], np.int64), "sizes")
    unused = numpy_helper.from_array(np.zeros(0, np.float32), "unused")
    enlarge = helper.make_node("Resize", ["mixed", "unused", "unused", "sizes"], ["small"], mode="nearest")
    made = onnx.load_model_from_string(graph([enlarge], [sizes, unused], (1, 3, 8, 8), (1, 1, 16, 16)))
    made.opset_import[0].version = 11
    session = ort.InferenceSession(reshaped(made.SerializeToString(), (2, 3, 8, 8)), providers=["CPUExecutionProvider"])
    batch = np.concatenate([pixels(8, 8), 255 - pixels(8, 8)]).astype(np.float32)
    (large,) = session.run(None, {"pixels": batch.transpose(0, 3, 1, 2)})
    mixed = batch @ WEIGHTS.ravel()
    np.testing.assert_allclose(large[:, 0, ::2, ::2], mixed, rtol=1e-6)
    free = taking_pixels(made.SerializeToString(), InputSpec(8, 8), "rows", "photos")
    (large,) = ort.InferenceSession(free, providers=["CPUExecutionProvider"]).run(
        None, {"photos": batch.astype(np.uint8)}
    )
    np.testing.assert_allclose(large[:, 0, ::2, ::2], mixed, rtol=1e-6)


@pytest.mark.unit
@pytest.mark.parametrize("rows", [1, 4])
def test_outputs_get_an_axis_of_rows_and_keep_names_and_order(rows: int) -> None:
    """As SCRFD's exports put pictures' anchors side by side at every place, and others drop the axis of one picture."""
    batch = np.random.default_rng(3).random((rows, 6, 2, 4), np.float32)  # anchors x values, places
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["inner"], perm=[2, 3, 0, 1]),
        helper.make_node("Reshape", ["inner", "flat"], ["folded"]),
        helper.make_node("Neg", ["folded"], ["mirrored"]),
        helper.make_node("Identity", ["pixels"], ["same"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("folded", "same", "mirrored")]
    taken = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["rows", 6, 2, 4])
    flat = numpy_helper.from_array(np.array([-1, 3], np.int64), "flat")
    made = helper.make_model(
        helper.make_graph(nodes, "fold", [taken], values, [flat]),
        opset_imports=[helper.make_opsetid("", 11)],
        ir_version=6,
    )
    layout = Layout((16, 3), 8)  # 8 places, 2 anchors each, 3 values an anchor
    changed = with_row_axis(made.SerializeToString(), {"folded": layout, "mirrored": layout})
    session = ort.InferenceSession(changed, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["folded", "same", "mirrored"]
    folded, same, mirrored = session.run(None, {"pixels": batch})
    alone = batch.transpose(0, 2, 3, 1).reshape(rows, 16, 3)  # what each picture comes to by itself
    np.testing.assert_array_equal(folded, alone)
    np.testing.assert_array_equal(mirrored, -alone)
    np.testing.assert_array_equal(same, batch)


@pytest.mark.unit
def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(ValueError, match="no ONNX file"):
        reshaped(b"not a graph", (1, 3, 4, 4))


@pytest.mark.unit
@pytest.mark.parametrize("count", [0, 2])
def test_a_graph_without_just_one_input_is_refused(count: int) -> None:
    values = [helper.make_tensor_value_info(f"in{i}", TensorProto.FLOAT, [1, 3, 4, 4]) for i in range(count)]
    made = helper.make_model(helper.make_graph([], "inputs", values, []))
    with pytest.raises(ValueError, match=f"{count} inputs"):
        reshaped(made.SerializeToString(), (1, 3, 4, 4))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("file", "width", "height"),
    [
        ("centerface", 640, 480),
        ("retinaface_mnet025_v1", 640, 480),
        ("retinaface_mnet025_v2", 320, 256),
        ("scrfd_500m_kps_namedout", 320, 256),
        ("scrfd_500m_bnkps", 320, 256),
        ("face_detection_yunet_2023mar", 320, 256),
    ],
)
def test_real_networks_answer_the_same_on_both_runtimes_at_sizes_they_do_not_declare(
    shared_models: Path, workers: Workers, model: ModelMaker, file: str, width: int, height: int
) -> None:
    spec = InputSpec(width, height)
    batch = pixels(height, width)
    path = shared_models / f"{file}.onnx"
    ours, theirs = (
        engine("cpu", "f32", workers, 2).load(model(InputSpec(640, 640)), path, spec).run(batch, Ticket())
        for engine in (OpenVinoRuntime, OnnxRuntime)
    )
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        scale = max(1, np.abs(other).max())
        np.testing.assert_allclose(one / scale, other / scale, atol=1e-4)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("file", "width", "height"),
    [
        ("centerface", 132, 100),  # no multiple of 32
        ("retinaface_mnet025_biubug6", 480, 320),
        ("scrfd_2.5g_bnkps", 320, 320),
        ("ultraface-rfb-320", 640, 480),
        ("yolov5n-0.5", 320, 320),
        ("yolov5n-0.5_rawheads", 640, 480),
    ],
)
def test_real_networks_with_their_size_built_in_are_refused_at_another(
    shared_models: Path, runtime: Runtime, model: ModelMaker, file: str, width: int, height: int
) -> None:
    """Without the catalogue's word: the entry here calls them all resizable."""
    with pytest.raises(IncompatibleGraph, match=f"cannot be run as probe at {width}x{height}"):
        runtime.load(model(InputSpec(640, 640)), shared_models / f"{file}.onnx", InputSpec(width, height))
