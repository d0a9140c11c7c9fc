"""The similarity service's own repository; names, shapes and requests are those of its contract.

Its networks are stood in for by ones of random weights with the same tensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tests.triton_server import made_up, running, settings_of
from tools.make_network import make_network
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from benchmarks.triton_server import Triton
from vultus.cluster.triton.config import Deployment
from vultus.cluster.triton.face_api import FaceApiExport
from vultus.cluster.triton.repository import Exported
from vultus.errors import LicenseRefused, SettingsError
from vultus.settings import Settings

FP32 = 11  # DataType in Triton's model_config.proto

ROWS = {8: 12800, 16: 3200, 32: 800}
SCORES, BOXES, POINTS = ("448", "471", "494"), ("451", "474", "497"), ("454", "477", "500")
OUTPUTS = {
    name: (rows, columns)
    for names, columns in ((SCORES, 1), (BOXES, 4), (POINTS, 10))
    for name, rows in zip(names, ROWS.values(), strict=True)
}


def detector() -> onnx.ModelProto:
    """A network with the names of the contract's outputs, and without the axis of the batch, as it has them."""
    network = make_network("scrfd_kps")
    for output, (name, (rows, columns)) in zip(network.graph.output, OUTPUTS.items(), strict=True):
        flat = numpy_helper.from_array(np.array([-1, columns], np.int64), f"flat {name}")
        network.graph.initializer.append(flat)
        network.graph.node.append(helper.make_node("Reshape", [output.name, flat.name], [name]))
        output.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, columns]))
    return network


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with networks of the contract's tensors, and a catalogue that says so."""
    return made_up(tmp_path_factory.mktemp("networks"), {"det_10g": detector(), "w600k_r50": make_network("arcface")})


@pytest.fixture(scope="module")
def settings(networks: Path) -> Settings:
    return settings_of(networks, models=(networks / "own.toml",))


def export(settings: Settings, folder: Path, deployment: Deployment) -> list[Exported]:
    with FaceApiExport(settings, folder, deployment, deployment.form("f32", 64)) as exporter:
        for step in exporter.steps():
            step.run()
        return exporter.finish()


def config(folder: Path, name: str) -> ModelConfig:
    return text_format.Parse((folder / name / "config.pbtxt").read_text(), ModelConfig())


@pytest.mark.unit
def test_the_layout_is_the_service_s(settings: Settings, tmp_path: Path) -> None:
    models = export(settings, tmp_path / "repository", Deployment.of("onnxruntime", "cpu", 2))
    assert {model.name: (model.network, model.max_batch_size) for model in models} == {
        "face_detector": ("det_10g", 0),
        "fr_model": ("w600k_r50", 0),
    }
    there = {path.relative_to(tmp_path / "repository").as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == {
        "face_detector/config.pbtxt",
        "face_detector/1/model.onnx",
        "fr_model/config.pbtxt",
        "fr_model/1/model.onnx",
        "model_info.txt",
        "vultus.json",
    }


@pytest.mark.unit
def test_configurations_have_the_contract_s_names_and_shapes(settings: Settings, tmp_path: Path) -> None:
    export(settings, tmp_path / "repository", Deployment.of("onnxruntime", "cpu", 2))
    detector, embedder = (config(tmp_path / "repository", name) for name in ("face_detector", "fr_model"))
    for each in (detector, embedder):
        assert (each.platform, each.max_batch_size) == ("onnxruntime_onnx", 0)
        assert not each.HasField("dynamic_batching")
        assert [group.kind for group in each.instance_group] == [ModelInstanceGroup.KIND_CPU]
    taken = [(value.name, value.data_type, list(value.dims)) for each in (detector, embedder) for value in each.input]
    assert taken == [("input.1", FP32, [1, 3, 640, 640]), ("input.1", FP32, [1, 3, 112, 112])]
    assert [(value.name, tuple(value.dims)) for value in detector.output] == list(OUTPUTS.items())
    assert [(value.name, list(value.dims)) for value in embedder.output] == [("683", [1, 512])]


@pytest.mark.unit
def test_the_information_says_how_to_normalise(settings: Settings, tmp_path: Path) -> None:
    export(settings, tmp_path / "repository", Deployment.of("onnxruntime", "cpu"))
    detector, embedder = (tmp_path / "repository/model_info.txt").read_text().split("fr_model:")
    for text, task, size, std in ((detector, "detection", 640, 128.0), (embedder, "recognition", 112, 127.5)):
        assert f"task: {task}\n" in text
        assert f"input_size: {size}x{size}\n" in text
        assert f"input_mean: 127.5\n  input_std: {std}\n" in text


@pytest.mark.unit
def test_networks_are_not_named_one_by_one(settings: Settings, tmp_path: Path) -> None:
    deployment = Deployment.of("onnxruntime", "cpu")
    with (
        FaceApiExport(settings, tmp_path / "repository", deployment, deployment.form("f32", 1)) as exporter,
        pytest.raises(SettingsError, match="--detector and --embedder"),
    ):
        exporter.steps(["w600k_mbf"])


@pytest.mark.unit
def test_a_policy_may_refuse_the_service_s_networks(settings: Settings, tmp_path: Path) -> None:
    strict = settings.model_copy(update={"license_policy": "permissive"})
    deployment = Deployment.of("onnxruntime", "cpu")
    with (
        pytest.raises(LicenseRefused),
        FaceApiExport(strict, tmp_path / "repository", deployment, deployment.form("f32", 1)),
    ):
        raise AssertionError
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def service(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    """A real server with the two models in Python."""
    folder = tmp_path_factory.mktemp("triton") / "repository"
    export(settings, folder, Deployment.of("python", "cpu", 1))
    with running(folder) as server:
        yield server


def infer(address: str, name: str, values: NDArray[np.float32], outputs: list[str]) -> tuple[int, dict[str, Any]]:
    """A request as the service's front end makes it: compact JSON, then the bytes. Returns its length, and arrays."""
    head = {
        "inputs": [
            {
                "name": "input.1",
                "shape": list(values.shape),
                "datatype": "FP32",
                "parameters": {"binary_data_size": values.nbytes},
            }
        ],
        "outputs": [{"name": output, "parameters": {"binary_data": True}} for output in outputs],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    answer = httpx.post(
        f"http://{address}/v2/models/{name}/infer",
        content=text + values.tobytes(),
        headers={"Inference-Header-Content-Length": str(len(text))},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["Inference-Header-Content-Length"])
    rest, arrays = answer.content[length:], {}
    for output in json.loads(answer.content[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        arrays[output["name"]] = np.frombuffer(rest[:size], np.float32).reshape(output["shape"])
        rest = rest[size:]
    return len(text), arrays


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "file", "side", "length"), [("face_detector", "det_10g", 640, 566), ("fr_model", "w600k_r50", 112, 173)]
)
def test_the_service_s_requests_are_answered(
    name: str, file: str, side: int, length: int, service: Triton, networks: Path
) -> None:
    """Length of the JSON and shapes are the contract's; values are those of the untouched file in ONNX Runtime."""
    values = np.random.default_rng(side).standard_normal((1, 3, side, side)).astype(np.float32)
    session = ort.InferenceSession(networks / f"{file}.onnx", providers=["CPUExecutionProvider"])
    expected = session.run(None, {"input.1": values})
    shapes = OUTPUTS if name == "face_detector" else {"683": (1, 512)}
    sent, answers = infer(service.http, name, values, list(shapes))
    assert sent == length
    assert {output: answer.shape for output, answer in answers.items()} == shapes
    for answer, wanted in zip(answers.values(), expected, strict=True):
        np.testing.assert_allclose(answer, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.integration
def test_the_front_end_finds_a_live_server(service: Triton) -> None:
    assert httpx.get(f"http://{service.http}/v2/health/live").status_code == 200
    assert httpx.get(f"http://{service.http}/v2/health/ready").status_code == 200
    assert "nv_inference_count" in httpx.get(f"http://{service.metrics}/metrics").text
