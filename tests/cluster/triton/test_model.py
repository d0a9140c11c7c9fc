"""The program of a model in Python; Triton's own module, which is compiled into its server, is played."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

pytestmark = pytest.mark.unit

NAME = "vultus.cluster.triton.model"


class Tensor:
    def __init__(self, name: str, values: NDArray[Any]) -> None:
        self.name, self.values = name, values

    def as_numpy(self) -> NDArray[Any]:
        return self.values


class ModelError(Exception):
    """Stands for ``TritonModelException``."""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, in an environment with numpy 1."""
    utilities = SimpleNamespace(
        Tensor=Tensor,
        TritonModelException=ModelError,
        TritonError=str,
        InferenceResponse=lambda output_tensors, error=None: SimpleNamespace(tensors=output_tensors, error=error),
        get_input_tensor_by_name=lambda request, name: request[name],
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", utilities)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    module = importlib.import_module(NAME)
    monkeypatch.setattr(module, "np", SimpleNamespace(__version__="1.26.4", concatenate=np.concatenate))
    yield module
    sys.modules.pop(NAME)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of a graph for one row, ``pixels`` of 2 x 2, that gives their sum and their negatives."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["values"], ["sum"], axes=[1, 2], keepdims=0),
        helper.make_node("Neg", ["values"], ["negatives"]),
    ]
    made = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 2, 2])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("sum", "negatives")],
    )
    (tmp_path / "1").mkdir()
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.save(model, str(tmp_path / "1/model.onnx"))
    return tmp_path


def arguments(folder: Path, engine: str) -> dict[str, str]:
    config = {
        "input": [{"name": "pixels"}],
        "output": [{"name": "negatives"}, {"name": "sum"}],
        "parameters": {"engine": {"string_value": engine}},
    }
    return {"model_config": json.dumps(config), "model_repository": str(folder), "model_version": "1"}


def request(*pictures: NDArray[np.uint8]) -> dict[str, Tensor]:
    return {"pixels": Tensor("pixels", np.stack(pictures))}


ONE, TWO = np.array([[1, 2], [3, 4]], np.uint8), np.array([[5, 5], [5, 5]], np.uint8)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_each_request_of_a_batch_has_its_answer(engine: str, program: ModuleType, folder: Path) -> None:
    model = program.TritonPythonModel()
    model.initialize(arguments(folder, engine))
    both, last = model.execute([request(ONE, TWO), request(TWO)])
    assert [tensor.name for tensor in both.tensors] == ["negatives", "sum"]
    np.testing.assert_array_equal(both.tensors[0].values, -np.stack([ONE, TWO]).astype(np.float32))
    np.testing.assert_array_equal(both.tensors[1].values, [10, 20])
    np.testing.assert_array_equal(last.tensors[1].values, [20])


def test_a_request_that_fails_does_not_fail_the_others(program: ModuleType, folder: Path) -> None:
    model = program.TritonPythonModel()
    model.initialize(arguments(folder, "onnxruntime"))
    wrong, good = model.execute([request(np.zeros((3, 3), np.uint8)), request(ONE)])
    assert "pixels" in wrong.error
    assert wrong.tensors == []
    np.testing.assert_array_equal(good.tensors[1].values, [10])


def test_numpy_2_is_refused(program: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.np, "__version__", "2.4.6")
    with pytest.raises(ModelError, match=r"numpy 2\.4\.6 is installed .* requirements\.txt"):
        program.TritonPythonModel().initialize(arguments(folder, "openvino"))


def test_an_engine_that_is_not_there_is_named(
    program: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"openvino is not installed where Triton's Python backend runs"):
        program.TritonPythonModel().initialize(arguments(folder, "openvino"))
