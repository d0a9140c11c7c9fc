"""OpenVINO at f32 against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import parity
from vultus import FaceEngine
from vultus.evaluate import noses

pytestmark = pytest.mark.integration


def test_same_faces_and_embeddings_in_photographs(
    shared_data: Path, engine: FaceEngine, onnx_engine: FaceEngine
) -> None:
    samples = [photograph.path for photograph in noses.read(shared_data / "compreface_samples")]
    results = parity.against_runtime(samples, engine, onnx_engine)
    assert sum(result.paired for result in results) >= 46
    for result in results:
        assert result.same_faces, result
        assert result.box_px <= 0.1, result
        assert result.cosine >= 0.99999, result


def test_same_embeddings_of_aligned_crops(shared_data: Path, engine: FaceEngine, onnx_engine: FaceEngine) -> None:
    crops = sorted((shared_data / "lfw_aligned").glob("*/*.jpg"))[:200]
    assert len(crops) == 200
    assert parity.least_crop_cosine(crops, engine, onnx_engine) >= 0.99999
