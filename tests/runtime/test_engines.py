"""OpenVINO and ONNX Runtime must do the same with the same entry: both are tested by the same rules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from vultus.errors import Cancelled, DeviceUnavailable, IncompatibleGraph, PrecisionUnavailable
from vultus.runtime.network import Runtime
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit

ModelMaker = Callable[[InputSpec], Model]
GraphMaker = Callable[..., Path]


@pytest.fixture(params=[OpenVinoRuntime, OnnxRuntime], ids=["openvino", "onnx"])
def runtime(request: pytest.FixtureRequest, workers: Workers) -> Runtime:
    made: Runtime = request.param("cpu", "f32", workers, 2)
    return made


def pixels(n: int, height: int, width: int) -> Any:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, 3), np.uint8)


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(("mean", "std"), [((10, 20, 30), (2, 4, 8)), ((10,) * 3, (8,) * 3)])
def test_pixels_are_normalised_per_channel_in_the_declared_order(
    runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker, color: Any, layout: Any, mean: Any, std: Any
) -> None:
    spec = InputSpec(6, 4, mean=mean, std=std, color=color, layout=layout)
    shape: list[int | str] = ["n", 3, 4, 6] if layout == "nchw" else ["n", 4, 6, 3]
    network = runtime.load(model(spec), echo_graph(shape), spec)
    batch = pixels(3, 4, 6)
    ordered = batch if color == "rgb" else batch[..., ::-1]
    expected = (ordered.astype(np.float64) - mean) / std
    if layout == "nchw":
        expected = expected.transpose(0, 3, 1, 2)
    same, flat = network.run(batch, Ticket())
    np.testing.assert_allclose(same, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(flat, expected.reshape(3, -1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_each_picture_is_whitened_by_itself(
    runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker, layout: Any
) -> None:
    spec = InputSpec(6, 4, std=(255, 255, 255), layout=layout, whiten=True)
    shape: list[int | str] = ["n", 3, 4, 6] if layout == "nchw" else ["n", 4, 6, 3]
    network = runtime.load(model(spec), echo_graph(shape), spec)
    batch = pixels(4, 4, 6)
    batch[1] //= 10
    batch[2] = 200  # nothing to divide by
    batch[3] = 100
    batch[3, 0, 0, 0] = 101  # a deviation below the least
    values = batch.astype(np.float64) / 255
    means = values.mean(axis=(1, 2, 3), keepdims=True)
    deviations = np.maximum(values.std(axis=(1, 2, 3), keepdims=True), 1 / np.sqrt(4 * 6 * 3))
    expected = (values - means) / deviations
    if layout == "nchw":
        expected = expected.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(network.run(batch, Ticket())[0], expected, rtol=1e-4, atol=1e-5)


def test_the_spec_names_outputs_in_graph_order(runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker) -> None:
    spec = InputSpec(4, 4)
    network = runtime.load(model(spec), echo_graph(["n", 3, 4, 4]), spec)
    assert network.spec.outputs == ("same", "flat")
    assert network.spec.name == "probe"
    assert network.spec.input == spec


@pytest.mark.parametrize("n", [1, 2, 5])
def test_outputs_without_a_batch_axis_get_one(
    runtime: Runtime, model: ModelMaker, unbatched_graph: Path, n: int
) -> None:
    spec = InputSpec(4, 4)
    network = runtime.load(model(spec), unbatched_graph, spec)
    batch = pixels(n, 4, 4)
    (rows,) = network.run(batch, Ticket())
    np.testing.assert_array_equal(rows, batch.reshape(n, 16, 3).astype(np.float32))


def test_outputs_belong_to_the_caller(runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker) -> None:
    spec = InputSpec(4, 4)
    network = runtime.load(model(spec), echo_graph(["n", 3, 4, 4]), spec)
    first, second = pixels(1, 4, 4), 255 - pixels(1, 4, 4)
    kept = network.run(first, Ticket())[0]
    network.run(second, Ticket())
    np.testing.assert_array_equal(kept[0], first[0].transpose(2, 0, 1))


def test_many_threads_get_their_own_answers(runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker) -> None:
    spec = InputSpec(4, 4)
    network = runtime.load(model(spec), echo_graph(["n", 3, 4, 4]), spec)
    threads = 4  # twice as many as the runtime has streams: some have to wait for another's to end
    start = threading.Barrier(threads)

    def hammer(value: int) -> bool:
        start.wait(30)
        batch = np.full((2, 4, 4, 3), value, np.uint8)
        return all((network.run(batch, Ticket())[1] == value).all() for _ in range(200))

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(hammer, range(threads)))


def test_a_spent_ticket_costs_nothing(runtime: Runtime, model: ModelMaker, echo_graph: GraphMaker) -> None:
    spec = InputSpec(4, 4)
    network = runtime.load(model(spec), echo_graph(["n", 3, 4, 4]), spec)
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        network.run(pixels(1, 4, 4), ticket)


def test_a_file_that_is_no_graph_is_named(runtime: Runtime, model: ModelMaker, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(IncompatibleGraph, match=r"broken\.onnx"):
        runtime.load(model(InputSpec(4, 4)), path, InputSpec(4, 4))


def test_an_input_that_cannot_be_fed_is_refused(runtime: Runtime, model: ModelMaker, unbatched_graph: Path) -> None:
    spec = InputSpec(8, 8)  # the graph's Reshape allows 4 x 4 alone
    with pytest.raises(IncompatibleGraph, match="probe"):
        runtime.load(model(spec), unbatched_graph, spec)


def test_there_is_no_silent_fallback_to_another_device(workers: Workers) -> None:
    for engine in (OpenVinoRuntime, OnnxRuntime):
        with pytest.raises(DeviceUnavailable, match="abacus"):
            engine("abacus", "f32", workers, 2)


def test_f32_is_f32_and_auto_is_what_the_processor_has(workers: Workers) -> None:
    assert OpenVinoRuntime("cpu", "f32", workers, 2).precision == "f32"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    expected = "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "f32"
    assert OpenVinoRuntime("CPU", "auto", workers, 2).precision == expected
    assert OnnxRuntime("cpu", "auto", workers, 2).precision == "f32"


def test_a_precision_that_is_not_there_is_refused(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    for precision in ("bf16", "fp16"):
        with pytest.raises(PrecisionUnavailable, match=f"{precision} on a CPU; set precision to f32"):
            OnnxRuntime("cpu", precision, workers, 2)
    monkeypatch.setattr("openvino.Core.get_property", lambda *_: ["FP32", "INT8"])
    for precision in ("bf16", "fp16"):
        with pytest.raises(PrecisionUnavailable, match=f"{precision}; set precision to f32 or auto"):
            OpenVinoRuntime("cpu", precision, workers, 2)
    assert OpenVinoRuntime("cpu", "auto", workers, 2).precision == "f32"


@pytest.mark.parametrize(
    ("capabilities", "auto"),
    [(["FP32", "FP16"], "fp16"), (["FP16", "BF16", "FP32"], "bf16"), (["FP32"], "f32")],
)
def test_fp16_is_openvinos_f16_where_the_device_has_it(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, capabilities: list[str], auto: str
) -> None:
    """As OpenVINO's GPU plugin says of itself; CPUs without the arithmetic do not."""
    monkeypatch.setattr("openvino.Core.get_property", lambda *_: capabilities)
    assert OpenVinoRuntime("cpu", "auto", workers, 2).precision == auto


def test_what_is_asked_of_openvino_is_its_own_name_of_the_precision(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, model: ModelMaker, echo_graph: Callable[..., Path]
) -> None:
    monkeypatch.setattr("openvino.Core.get_property", lambda *_: ["FP32", "FP16"])
    asked: list[dict[str, object]] = []
    compile_model = ov.Core.compile_model

    def note(core: ov.Core, graph: ov.Model, device: str, options: dict[str, object]) -> ov.CompiledModel:
        asked.append(options)
        return compile_model(core, graph, device, options | {"INFERENCE_PRECISION_HINT": "f32"})

    monkeypatch.setattr(ov.Core, "compile_model", note)
    runtime = OpenVinoRuntime("cpu", "fp16", workers, 2)
    assert runtime.precision == "fp16"
    runtime.load(model(InputSpec(4, 4)), echo_graph([1, 3, 4, 4]), InputSpec(4, 4))
    assert [options["INFERENCE_PRECISION_HINT"] for options in asked] == ["f16"]
