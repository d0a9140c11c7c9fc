from __future__ import annotations

import sys
from pathlib import Path

import onnxruntime as ort
import pytest

from vultus.errors import DeviceUnavailable, PrecisionUnavailable, RuntimeUnavailable, ServerUnreachable
from vultus.runtime.choose import computes_elsewhere, is_accelerator, kept_engines, open_runtime, worker_threads
from vultus.runtime.simulated import SimulatedRuntime
from vultus.runtime.triton.address import Address
from vultus.runtime.workers import Workers
from vultus.settings import load_settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("asked", "chosen"), [("auto", "openvino"), ("openvino", "openvino"), ("onnx", "onnx"), ("dummy", "dummy")]
)
def test_the_runtime_asked_for_is_opened(workers: Workers, asked: str, chosen: str) -> None:
    runtime = open_runtime(load_settings(runtime=asked), workers, 2)
    assert runtime.name == chosen
    assert runtime.precision == "f32"
    assert runtime.needs_files == (chosen != "dummy")
    assert runtime.counts is None  # on a processor nothing is batched


def test_one_that_is_not_installed_is_named_with_the_way_to_get_it(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "vultus.runtime.onnx", raising=False)
    with pytest.raises(RuntimeUnavailable, match=r"vultus\[onnx\]") as caught:
        open_runtime(load_settings(runtime="onnx"), workers, 2)
    assert caught.value.code == "runtime_unavailable"


def test_what_the_runtime_lacks_is_a_start_up_error(workers: Workers) -> None:
    with pytest.raises(DeviceUnavailable):
        open_runtime(load_settings(device="abacus"), workers, 2)
    with pytest.raises(PrecisionUnavailable):
        open_runtime(load_settings(runtime="onnx", precision="bf16"), workers, 2)


@pytest.mark.parametrize(
    ("runtime", "device", "expected"),
    [
        ("onnx", "cuda", True),
        ("onnx", "CUDA:1", True),
        ("onnx", "tensorrt", True),
        ("onnx", "cpu", False),
        ("openvino", "gpu", False),  # run row by row
        ("dummy", "cpu", False),
        ("dummy", "simulated", True),
    ],
)
def test_an_accelerator_wants_as_many_threads_as_fill_its_batches(runtime: str, device: str, expected: bool) -> None:
    settings = load_settings(runtime=runtime, device=device)
    assert is_accelerator(settings) == expected
    assert worker_threads(settings, 6) == (128 if expected else 6)
    assert worker_threads(settings, 500) == 500


@pytest.mark.parametrize(
    ("runtime", "device", "kept"),
    [("onnx", "tensorrt", True), ("onnx", "TensorRT:1", True), ("onnx", "cuda", False), ("openvino", "cpu", False)],
)
def test_only_tensorrts_engines_are_kept(runtime: str, device: str, kept: bool, tmp_path: Path) -> None:
    settings = load_settings(runtime=runtime, device=device, model_cache=tmp_path)
    assert kept_engines(settings) == (tmp_path / "engines" if kept else None)


def test_the_simulated_device_is_the_dummys(workers: Workers) -> None:
    runtime = open_runtime(load_settings(runtime="dummy", device="simulated"), workers, 2)
    assert isinstance(runtime, SimulatedRuntime)
    runtime.close()


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tensorrt"])
def test_a_gpu_that_is_not_there_is_a_start_up_error_that_says_what_to_do(workers: Workers, device: str) -> None:
    if {"CUDAExecutionProvider", "TensorrtExecutionProvider"} & set(ort.get_available_providers()):
        pytest.skip("the ONNX Runtime here is the one for GPUs")
    with pytest.raises(DeviceUnavailable, match="install onnxruntime-gpu"):
        open_runtime(load_settings(runtime="onnx", device=device), workers, 2)


@pytest.mark.parametrize(("given", "used"), [(None, True), (True, True), (False, False)])
def test_what_is_alone_is_computed_on_all_cores_unless_told_otherwise(
    given: bool | None, used: bool, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("vultus.runtime.openvino.OpenVinoRuntime", lambda *_, all_cores: asked.append(all_cores))
    open_runtime(load_settings(all_cores=given), workers, 2)
    assert asked == [used]


def test_a_server_gets_more_threads_than_there_are_cores_but_no_device_process() -> None:
    settings = load_settings(runtime="triton")
    assert computes_elsewhere(settings)
    assert not is_accelerator(settings)
    assert worker_threads(settings, 6) == 32
    assert worker_threads(settings, 500) == 500
    assert computes_elsewhere(load_settings(runtime="dummy", device="simulated"))
    assert not computes_elsewhere(load_settings())


def test_a_server_is_opened_with_what_the_settings_say(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("vultus.runtime.triton.runtime.TritonRuntime", lambda *given: asked.extend(given))
    settings = load_settings(runtime="triton", triton_url="http://triton:9000", triton_mem="off", triton_wait=7)
    lost, found = asked.append, asked.clear
    open_runtime(settings, workers, 2, lost, found)
    assert asked == [Address("http", "triton", 9000), "f32", workers, "off", 7.0, lost, found]


def test_a_server_that_is_not_there_is_a_start_up_error(workers: Workers) -> None:
    with pytest.raises(ServerUnreachable, match="vultus triton run"):
        open_runtime(load_settings(runtime="triton", triton_url="grpc://127.0.0.1:1", triton_wait=0), workers, 2)


def test_without_its_client_library_a_server_cannot_be_asked(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tritonclient.grpc", None)
    monkeypatch.delitem(sys.modules, "vultus.runtime.triton.grpc", raising=False)
    with pytest.raises(RuntimeUnavailable, match=r"vultus\[triton\]"):
        open_runtime(load_settings(runtime="triton"), workers, 2)
