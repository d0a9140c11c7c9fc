from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import orjson
import pytest
from tools.make_network import make_network

from vultus.runtime.audit import strays

pytestmark = pytest.mark.unit


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Of a real run on the processor."""
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "run")
    graph = make_network("arcface").SerializeToString()
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    session.run(None, {"input.1": np.zeros((1, 3, 112, 112), np.float32)})
    return Path(session.end_profiling())


def test_what_the_processor_computed_is_named_where_a_gpu_was_to(profile: Path) -> None:
    left = strays(profile, {"TensorrtExecutionProvider", "CUDAExecutionProvider"})
    assert {"AveragePool on CPUExecutionProvider", "Gemm on CPUExecutionProvider"} <= set(left)


def test_nothing_strays_where_the_processor_was_to_compute(profile: Path) -> None:
    assert strays(profile, {"CPUExecutionProvider"}) == ()


def test_each_operator_is_named_once_and_those_of_the_device_not_at_all(tmp_path: Path) -> None:
    def ran(operator: str, provider: str) -> dict[str, object]:
        return {"cat": "Node", "args": {"op_name": operator, "provider": provider}}

    path = tmp_path / "profile.json"
    events = [
        {"cat": "Session", "name": "model_loading"},
        {"cat": "Node", "args": {"op_name": "Conv"}},  # a fence, which older versions tell of too
        ran("Conv", "CUDAExecutionProvider"),
        *[ran("Resize", "CPUExecutionProvider")] * 2,
        ran("Abs", "CPUExecutionProvider"),
    ]
    path.write_bytes(orjson.dumps(events))
    assert strays(path, {"CUDAExecutionProvider"}) == ("Abs on CPUExecutionProvider", "Resize on CPUExecutionProvider")


def test_a_profile_of_nothing_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(b"[]")
    with pytest.raises(ValueError, match="no operator"):
        strays(path, {"CPUExecutionProvider"})
