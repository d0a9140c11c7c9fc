"""Exported models on a real server: what they answer, how they are batched, and what becomes of one that is killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as client
from numpy.typing import NDArray
from tests.triton_server import running, settings_of
from tritonclient.utils import InferenceServerException

from benchmarks.triton_server import Triton, export
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Image
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

EMBEDDER = "w600k_mbf"


def ask(triton: Triton, name: str, pixels: Image, outputs: tuple[str, ...]) -> list[NDArray[np.float32]]:
    with client.InferenceServerClient(triton.grpc) as connection:
        tensor = client.InferInput("pixels", pixels.shape, "UINT8")
        tensor.set_data_from_numpy(pixels)
        result = connection.infer(name, [tensor], client_timeout=60)
        return [result.as_numpy(output) for output in outputs]


def crops(rows: int, seed: int = 7) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (rows, 112, 112, 3), np.uint8)


@pytest.mark.parametrize("name", ["scrfd_500m_bnkps", EMBEDDER, "2d106det"])
def test_a_server_answers_what_the_network_says_here(name: str, triton: Triton, shared_models: Path) -> None:
    """The independent source is ONNX Runtime on the untouched file, normalised by OpenCV."""
    model = Catalogue.load().model(name)
    workers = Workers(1)
    pixels = np.random.default_rng(7).integers(0, 256, (3, model.input.height, model.input.width, 3), np.uint8)
    served = f"{name}_640x640" if model.task == "detection" else name
    try:
        network = OnnxRuntime("cpu", "f32", workers, 1).load(model, shared_models / model.file, model.input)
        expected = network.run(pixels, Ticket())
        answers = ask(triton, served, pixels, network.spec.outputs)
    finally:
        workers.close()
    for answer, wanted in zip(answers, expected, strict=True):
        assert answer.shape == wanted.shape
        np.testing.assert_allclose(answer, wanted, rtol=1e-3, atol=2e-4)


def test_a_picture_in_a_batch_is_answered_as_alone(triton: Triton) -> None:
    pixels = crops(5)
    (together,) = ask(triton, EMBEDDER, pixels, ("516",))
    alone = [ask(triton, EMBEDDER, pixels[row : row + 1], ("516",))[0][0] for row in range(5)]
    np.testing.assert_array_equal(together, alone)


def test_the_server_tells_whose_weights_they_are(triton: Triton) -> None:
    with client.InferenceServerClient(triton.grpc) as connection:
        told = connection.get_model_config(EMBEDDER).config
        metadata = connection.get_model_metadata(EMBEDDER)
    assert told.parameters["sha256"].string_value == Catalogue.load().model(EMBEDDER).sha256
    assert told.parameters["precision"].string_value == "f32"
    assert [(value.name, value.datatype, list(value.shape)) for value in metadata.inputs] == [
        ("pixels", "UINT8", [-1, 112, 112, 3])
    ]
    assert list(metadata.versions) == ["1"]


def test_what_waits_is_computed_together(triton: Triton) -> None:
    """With one instance, requests that come while it computes make one batch: the server's own count says so."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda seed: ask(triton, EMBEDDER, crops(1, seed), ("516",)), range(48)))
    with client.InferenceServerClient(triton.grpc) as connection:
        (told,) = connection.get_inference_statistics(EMBEDDER).model_stats
    assert max(batch.batch_size for batch in told.batch_stats) > 1
    assert told.execution_count < told.inference_count


def test_too_many_rows_are_an_error_and_not_an_end(triton: Triton) -> None:
    with pytest.raises(InferenceServerException, match="64"):
        ask(triton, EMBEDDER, crops(65), ("516",))
    assert len(ask(triton, EMBEDDER, crops(64), ("516",))[0]) == 64


def test_either_engine_says_the_same_and_a_killed_server_comes_back(
    triton: Triton, shared_models: Path, tmp_path: Path
) -> None:
    folder = export(settings_of(shared_models), tmp_path / "repository", [EMBEDDER], engine="onnxruntime")
    pixels = crops(2)
    (expected,) = ask(triton, EMBEDDER, pixels, ("516",))
    with running(folder) as other:
        (answer,) = ask(other, EMBEDDER, pixels, ("516",))
        np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-4)
        other.kill()
        with pytest.raises(InferenceServerException):
            ask(other, EMBEDDER, pixels, ("516",))
        other.restart()
        (again,) = ask(other, EMBEDDER, pixels, ("516",))
    np.testing.assert_array_equal(again, answer)
