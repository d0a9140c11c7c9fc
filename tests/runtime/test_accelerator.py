"""The GPU's path without a GPU: real sessions on ONNX Runtime's CPU provider, and what a made-up one is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from tools.make_network import make_network

from vultus.errors import DeviceUnavailable, IncompatibleGraph, PrecisionUnavailable
from vultus.runtime import accelerator
from vultus.runtime.accelerator import AcceleratorRuntime, Target
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.session import FixedSession
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Catalogue, Model

ModelMaker = Callable[[InputSpec], Model]
CPU = Target("processor", (("CPUExecutionProvider", {}),), "f32", memory="cpu", key="cpu")
GPU = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
SPEC = InputSpec(4, 4, mean=(10, 20, 30), std=(2, 4, 8), color="bgr")


def pixels(n: int, height: int = 4, width: int = 4) -> Image:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, 3), np.uint8)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[AcceleratorRuntime]:
    made = AcceleratorRuntime(CPU, tmp_path / "cache", sizes=(1, 2, 4))
    yield made
    made.close()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ONNX Runtime were the one for GPUs, and the machine had one."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: GPU)
    monkeypatch.setattr(ort, "__version__", "1.26.0")
    monkeypatch.setattr(accelerator, "gpu_name", lambda ordinal: f"NVIDIA L4 no. {ordinal}")
    monkeypatch.setattr(accelerator, "tensorrt_version", lambda: 101302)


@pytest.mark.unit
def test_batches_of_every_size_answer_as_the_reference_engine_does(
    runtime: AcceleratorRuntime, model: ModelMaker, echo_graph: Callable[..., Path], workers: Workers
) -> None:
    path = echo_graph(["n", 3, 4, 4])
    network = runtime.load(model(SPEC), path, SPEC)
    reference = OnnxRuntime("cpu", "f32", workers, 2).load(model(SPEC), path, SPEC)
    assert network.spec == reference.spec
    assert network.pace.sizes == (1, 2, 4)
    for rows in (1, 2, 3, 4, 7):
        batch = pixels(rows)
        for ours, theirs in zip(network.run(batch, Ticket()), reference.run(batch, Ticket()), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.unit
def test_the_place_of_the_rows_is_found_where_the_export_dropped_the_batch(
    runtime: AcceleratorRuntime, model: ModelMaker, tmp_path: Path
) -> None:
    """As InsightFace's SCRFD ends: the batch moved inwards, then folded."""
    made = helper.make_graph(
        [
            helper.make_node("Transpose", ["input"], ["inwards"], perm=[2, 3, 0, 1]),
            helper.make_node("Reshape", ["inwards", "shape"], ["rows"]),
        ],
        "unbatched",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [16, 3])],
        [numpy_helper.from_array(np.array([-1, 3], np.int64), "shape")],
    )
    path = tmp_path / "unbatched.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    batch = pixels(3)
    (rows,) = runtime.load(model(InputSpec(4, 4)), path, InputSpec(4, 4)).run(batch, Ticket())
    np.testing.assert_array_equal(rows, batch.reshape(3, 16, 3).astype(np.float32))


@pytest.mark.unit
def test_a_graph_that_takes_no_batches_is_run_row_by_row_and_that_is_said(
    runtime: AcceleratorRuntime, model: ModelMaker, unbatched_graph: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = runtime.load(model(InputSpec(4, 4)), unbatched_graph, InputSpec(4, 4))  # its Reshape wants 16 x 3
    batch = pixels(3)
    np.testing.assert_array_equal(network.run(batch, Ticket())[0], batch.reshape(3, 16, 3).astype(np.float32))
    assert "one picture at a time" in caplog.text
    assert runtime.counts.padding == 0


@pytest.mark.unit
def test_what_is_no_graph_is_refused(runtime: AcceleratorRuntime, model: ModelMaker, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(IncompatibleGraph, match=r"broken\.onnx cannot be run as probe at 4x4 on processor"):
        runtime.load(model(SPEC), path, SPEC)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("device", "precision", "providers", "key"),
    [
        ("cuda", "f32", [("CUDA", {"device_id": 0, "use_tf32": 0})], "ort1.26.0-NVIDIA-L4-no.-0-f32"),
        ("CUDA:1", "auto", [("CUDA", {"device_id": 1, "use_tf32": 1})], "ort1.26.0-NVIDIA-L4-no.-1-tf32"),
        ("cuda", "fp16", [("CUDA", {"device_id": 0, "use_tf32": 1})], "ort1.26.0-NVIDIA-L4-no.-0-fp16"),
        (
            "tensorrt",
            "f32",
            [("Tensorrt", {"device_id": 0, "trt_fp16_enable": False}), ("CUDA", {"device_id": 0, "use_tf32": 0})],
            "ort1.26.0-trt101302-NVIDIA-L4-no.-0-f32",
        ),
        (
            "tensorrt:1",
            "fp16",
            [("Tensorrt", {"device_id": 1, "trt_fp16_enable": True}), ("CUDA", {"device_id": 1, "use_tf32": 1})],
            "ort1.26.0-trt101302-NVIDIA-L4-no.-1-fp16",
        ),
    ],
)
@pytest.mark.usefixtures("gpu")
def test_device_and_precision_become_options(device: str, precision: str, providers: Any, key: str) -> None:
    target = Target.find(device, precision)
    assert list(target.providers) == [(f"{name}ExecutionProvider", options) for name, options in providers]
    assert (target.memory, target.key) == ("cuda", key)
    assert target.halves_itself == device.startswith("tensorrt")
    assert target.device.startswith(device.lower())
    assert "NVIDIA L4" in target.device


@pytest.mark.unit
@pytest.mark.usefixtures("gpu")
def test_what_onnx_runtime_says_of_its_libraries_is_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints; a command's standard output may be JSON."""
    monkeypatch.setattr(ort, "preload_dlls", lambda: print("Failed to load libcudnn.so.9"))
    Target.find("cuda", "f32")
    told = capsys.readouterr()
    assert told.out == ""
    assert "libcudnn" in told.err


@pytest.mark.unit
@pytest.mark.usefixtures("gpu")
def test_only_tensorrt_keeps_what_it_builds(tmp_path: Path) -> None:
    (_, options), (_, cuda) = Target.find("tensorrt", "auto").caching(tmp_path)
    assert options["trt_fp16_enable"]
    assert options["trt_engine_cache_enable"]
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    assert cuda == {"device_id": 0, "use_tf32": 1}


@pytest.mark.unit
@pytest.mark.usefixtures("gpu")
def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceUnavailable, match="no device 'rocm'"):
        Target.find("rocm", "f32")
    with pytest.raises(PrecisionUnavailable, match="set precision to one of f32, fp16, auto"):
        Target.find("cuda", "bf16")
    monkeypatch.setattr(ort, "get_available_providers", lambda: GPU[2:])
    with pytest.raises(DeviceUnavailable, match=r"no CUDAExecutionProvider.*install onnxruntime-gpu"):
        Target.find("cuda", "f32")


@pytest.mark.unit
def test_engines_are_kept_by_library_gpu_precision_file_and_size(
    runtime: AcceleratorRuntime, model: ModelMaker, echo_graph: Callable[..., Path], tmp_path: Path
) -> None:
    path = echo_graph(["n", 3, "h", "w"])
    for spec in (SPEC, InputSpec(4, 8), InputSpec(4, 8, color="bgr")):
        runtime.load(model(spec), path, spec)
    names = sorted(folder.name for folder in (tmp_path / "cache" / "engines").iterdir())
    assert [name.rsplit("-", 1)[1] for name in names] == ["4x4", "4x8"]
    assert {name.split("-")[0] for name in names} == {"cpu"}
    assert len(names[0].split("-")[1]) == 16


@pytest.mark.unit
def test_an_operator_left_to_another_provider_is_a_start_up_error(
    runtime: AcceleratorRuntime,
    model: ModelMaker,
    echo_graph: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here one that only batches of four leave: as if the provider had no kernel for that size."""

    class Leaving(FixedSession):
        def __init__(self, graph: bytes, *given: Any) -> None:
            super().__init__(graph, *given)
            if self._input.shape()[0] == 4:
                self.strays = ("Resize on CPUExecutionProvider",)

    monkeypatch.setattr(accelerator, "FixedSession", Leaving)
    with pytest.raises(IncompatibleGraph, match="probe cannot be computed on processor alone: Resize on CPU"):
        runtime.load(model(SPEC), echo_graph(["n", 3, 4, 4]), SPEC)


def failing_at(rows: int, error: Exception) -> type[FixedSession]:
    """Sessions of which those for one size of batch cannot be opened."""

    class Failing(FixedSession):
        def __init__(self, graph: bytes, *given: Any) -> None:
            super().__init__(graph, *given)
            if self._input.shape()[0] == rows:
                raise error

    return Failing


@pytest.mark.unit
def test_sizes_that_memory_has_room_for_are_kept(
    runtime: AcceleratorRuntime,
    model: ModelMaker,
    echo_graph: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(accelerator, "FixedSession", failing_at(4, RuntimeError("CUDA failure 2: out of memory")))
    network = runtime.load(model(SPEC), echo_graph(["n", 3, 4, 4]), SPEC)
    assert network.pace.sizes == (1, 2)
    assert "in batches of at most 2 pictures" in caplog.text


@pytest.mark.unit
def test_a_library_that_is_missing_for_batches_is_no_reason_to_do_without(
    runtime: AcceleratorRuntime,
    model: ModelMaker,
    echo_graph: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accelerator, "FixedSession", failing_at(2, DeviceUnavailable("no provider")))
    with pytest.raises(DeviceUnavailable, match="no provider"):
        runtime.load(model(SPEC), echo_graph(["n", 3, 4, 4]), SPEC)


BUILDER = """
import hashlib, sys
from pathlib import Path
from vultus.runtime import accelerator
from vultus.runtime.session import FixedSession
from vultus.zoo.catalogue import Catalogue

class Building(FixedSession):
    # As TensorRT's: an engine that is not kept is built, which takes a while, and is then kept.
    def __init__(self, graph, providers, memory, ordinal):
        kept = Path(providers[0][1]["trt_engine_cache_path"]) / hashlib.sha256(graph).hexdigest()
        found = kept.exists()
        super().__init__(graph, [("CPUExecutionProvider", {})], memory, ordinal)
        if not found:
            with open(sys.argv[3], "a") as log:
                log.write(f"{kept.name} ")
            kept.touch()

accelerator.FixedSession = Building
target = accelerator.Target("stand-in", (("TensorrtExecutionProvider", {}),), "f32", memory="cpu", key="stand-in")
runtime = accelerator.AcceleratorRuntime(target, Path(sys.argv[2]), sizes=(1, 2, 4))
model = Catalogue.load().model("w600k_mbf")
print("ready", flush=True)
sys.stdin.readline()
runtime.load(model, Path(sys.argv[1]), model.input)
runtime.close()
"""


@pytest.mark.integration
def test_processes_that_start_at_once_build_each_engine_once(tmp_path: Path) -> None:
    graph, log = tmp_path / "arcface.onnx", tmp_path / "log"
    graph.write_bytes(make_network("arcface").SerializeToString())
    command = [sys.executable, "-c", BUILDER, str(graph), str(tmp_path / "cache"), str(log)]
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
        assert [process.wait(120) for process in processes] == [0, 0, 0]
    built = log.read_text().split()
    assert len(built) == len(set(built)) == 3  # a batch of 1, of 2 and of 4


@pytest.mark.integration
@pytest.mark.parametrize("name", ["scrfd_500m_bnkps", "scrfd_2.5g_kps"])
def test_the_real_scrfd_says_of_a_picture_in_a_batch_what_it_says_of_it_alone(
    runtime: AcceleratorRuntime, shared_models: Path, name: str
) -> None:
    """Its public exports are graphs for one picture, which put the anchors of a batch side by side."""
    model = Catalogue.load().model(name)
    network = runtime.load(model, shared_models / model.file, model.input)
    assert network.pace.sizes == (1, 2, 4)  # it is not run one picture at a time
    batch = pixels(4, model.input.height, model.input.width)
    together = network.run(batch, Ticket())
    for row in range(len(batch)):
        for alone, both in zip(network.run(batch[row : row + 1], Ticket()), together, strict=True):
            np.testing.assert_allclose(both[row], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.integration
def test_a_real_embedder_in_fp16_says_nearly_what_it_says_in_f32(
    tmp_path: Path, shared_models: Path, workers: Workers
) -> None:
    """On the stand-in: fp16 between operators, f32 within most of them, as the processor has few in fp16."""
    model = Catalogue.load().model("w600k_mbf")
    path = shared_models / model.file
    batch = pixels(3, model.input.height, model.input.width)
    halves = AcceleratorRuntime(replace(CPU, precision="fp16"), tmp_path / "cache", sizes=(1, 2, 4))
    try:
        (ours,) = halves.load(model, path, model.input).run(batch, Ticket())
    finally:
        halves.close()
    (theirs,) = OnnxRuntime("cpu", "f32", workers, 2).load(model, path, model.input).run(batch, Ticket())
    assert ours.dtype == np.float32
    cosines = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() > 0.999
    assert not np.allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["w600k_mbf", "2d106det"])
def test_real_networks_answer_in_batches_as_the_reference_engine_does_alone(
    runtime: AcceleratorRuntime, shared_models: Path, workers: Workers, name: str
) -> None:
    model = Catalogue.load().model(name)
    path = shared_models / model.file
    batch = pixels(3, model.input.height, model.input.width)
    (ours,) = runtime.load(model, path, model.input).run(batch, Ticket())
    (theirs,) = OnnxRuntime("cpu", "f32", workers, 2).load(model, path, model.input).run(batch, Ticket())
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * np.abs(theirs).max())
