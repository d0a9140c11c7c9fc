from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tools.make_network import make_network

from vultus.cluster.triton.graph import Form, Tensor, open_graph, run_graph, serve
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import Outputs
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Catalogue, Model

FORM = Form(64, "f32")


def catalogued(name: str) -> Model:
    return Catalogue.load().model(name)


def pictures(spec: InputSpec, rows: int = 3) -> Image:
    return np.random.default_rng(5).integers(0, 256, (rows, spec.height, spec.width, 3), np.uint8)


def here(model: Model, path: Path, pixels: Image, spec: InputSpec | None = None) -> Outputs:
    """What ONNX Runtime makes of the untouched file, picture by picture, normalised by OpenCV."""
    workers = Workers(1)
    try:
        return OnnxRuntime("cpu", "f32", workers, 1).load(model, path, spec or model.input).run(pixels, Ticket())
    finally:
        workers.close()


def saved(path: Path, name: str, **given: int) -> Path:
    onnx.save(make_network(name, **given), str(path))
    return path


@pytest.mark.unit
def test_an_embedder_takes_batches_of_pixels(tmp_path: Path) -> None:
    model = catalogued("w600k_r50")
    path = saved(tmp_path / "net.onnx", "arcface")
    served = serve(model, path, model.input, FORM)
    assert (served.name, served.max_batch_size) == ("w600k_r50", 64)
    assert served.input == Tensor("pixels", "uint8", (112, 112, 3))
    assert served.outputs == (Tensor("683", "float32", (512,)),)
    pixels = pictures(model.input)
    (answer,) = run_graph(open_graph(served.graph), pixels)
    np.testing.assert_allclose(answer, here(model, path, pixels)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.unit
def test_a_detector_has_a_model_for_each_canvas(tmp_path: Path) -> None:
    model = catalogued("det_10g")
    path = saved(tmp_path / "net.onnx", "scrfd_kps")
    served = serve(model, path, replace(model.input, width=96, height=64), FORM)
    assert served.name == "det_10g_96x64"
    assert served.input.dims == (64, 96, 3)
    assert [output.dims for output in served.outputs[:3]] == [(192, 1), (48, 1), (12, 1)]  # (h/s) x (w/s) x 2 anchors


@pytest.mark.unit
def test_the_published_hash_goes_with_it(tmp_path: Path) -> None:
    model = catalogued("w600k_r50")
    served = serve(model, saved(tmp_path / "net.onnx", "arcface"), model.input, FORM)
    assert served.sha256 == model.sha256


@pytest.mark.unit
def test_where_none_is_published_it_is_the_file_s(tmp_path: Path) -> None:
    model = replace(catalogued("w600k_r50"), sha256=None, md5="0" * 32)
    path = tmp_path / "net.onnx"
    path.write_bytes(make_network("arcface").SerializeToString())
    assert serve(model, path, model.input, FORM).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.unit
def test_what_computes_row_by_row_gets_a_graph_for_one(tmp_path: Path) -> None:
    model = catalogued("w600k_r50")
    path = saved(tmp_path / "net.onnx", "arcface")
    served = serve(model, path, model.input, replace(FORM, single=True))
    session = open_graph(served.graph)
    assert session.get_inputs()[0].shape == [1, 112, 112, 3]
    assert served.max_batch_size == 64  # the server gathers them all the same


def averaging(path: Path, shape: Sequence[int]) -> Path:
    """A graph of the mean colour whose last reshape names the batch: ``shape``."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["out"]),
    ]
    made = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(shape, np.int64), "shape")],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), str(path))
    return path


@pytest.mark.unit
def test_rows_that_come_one_after_the_other_are_told_apart(tmp_path: Path) -> None:
    spec = InputSpec(8, 8)
    model = replace(catalogued("w600k_r50"), input=spec)
    served = serve(model, averaging(tmp_path / "net.onnx", [1, -1]), spec, FORM)
    pixels = pictures(spec)
    (answer,) = run_graph(open_graph(served.graph), pixels)
    np.testing.assert_allclose(answer, pixels.mean((1, 2)), rtol=1e-5)


@pytest.mark.unit
def test_a_graph_that_takes_no_batch_is_served_one_picture_at_a_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = InputSpec(8, 8)
    model = replace(catalogued("w600k_r50"), input=spec)
    with caplog.at_level(logging.WARNING):
        served = serve(model, averaging(tmp_path / "net.onnx", [1, 3]), spec, FORM)
    # Triton's ONNX Runtime backend takes a fixed batch only where there is none in the configuration.
    assert served.max_batch_size == 0
    assert served.input == Tensor("pixels", "uint8", (1, 8, 8, 3))
    assert served.outputs == (Tensor("out", "float32", (1, 3)),)
    assert "w600k_r50 is served one picture at a time" in caplog.text
    pixels = pictures(spec, 1)
    (answer,) = run_graph(open_graph(served.graph), pixels)
    np.testing.assert_allclose(answer, pixels.mean((1, 2)), rtol=1e-5)


@pytest.mark.unit
def test_half_precision_is_made_where_the_server_does_not(tmp_path: Path) -> None:
    model = catalogued("w600k_r50")
    path = saved(tmp_path / "net.onnx", "arcface")
    served = serve(model, path, model.input, Form(64, "fp16", halve=True))
    assert served.precision == "fp16"
    weights = onnx.load_model_from_string(served.graph).graph.initializer
    assert TensorProto.FLOAT16 in {weight.data_type for weight in weights}
    assert served.outputs[0].dtype == "float32"


@pytest.mark.unit
def test_where_int8_was_asked_for_what_is_the_catalogue_s_own_file_is_not(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", "arcface")
    model = catalogued("w600k_r50")
    own = replace(model, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    form = Form(64, "int8")
    assert serve(own, path, model.input, form).precision == "f32"
    assert serve(model, path, model.input, form).precision == "int8"


@pytest.mark.unit
def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no graph")
    model = catalogued("w600k_r50")
    with pytest.raises(IncompatibleGraph, match=r"net\.onnx cannot be served as w600k_r50 at 112x112"):
        serve(model, tmp_path / "net.onnx", model.input, FORM)


@pytest.mark.integration
@pytest.mark.parametrize(
    "name",
    [
        "scrfd_500m_bnkps",
        "scrfd_2.5g_kps",
        "w600k_mbf",
        "2d106det",
        "retinaface_mnet025_v1",
        "centerface",
        "mtcnn_rnet",
    ],
)
def test_real_networks_say_of_each_picture_of_a_batch_what_they_say_of_it_alone(name: str, shared_models: Path) -> None:
    model = catalogued(name)
    path = next(shared_models / file for file in (model.file, *model.local_names) if (shared_models / file).is_file())
    served = serve(model, path, model.input, FORM)
    assert served.max_batch_size == 64
    pixels = pictures(model.input)
    session = open_graph(served.graph)
    for output, told in zip(session.get_outputs(), served.outputs, strict=True):
        assert output.name == told.name
        rows, *dims = output.shape  # a backend compares these with the configuration
        assert not isinstance(rows, int)
        assert all(size == dim for size, dim in zip(told.dims, dims, strict=True) if isinstance(dim, int))
    answers = run_graph(session, pixels)
    for answer, expected in zip(answers, here(model, path, pixels), strict=True):
        assert answer.shape == expected.shape
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
