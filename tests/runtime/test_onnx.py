"""What is ONNX Runtime's alone; what it shares with OpenVINO is in ``test_engines.py``."""

from __future__ import annotations

from importlib import metadata

import pytest

from vultus.errors import RuntimeUnavailable
from vultus.runtime.onnx import OnnxRuntime, check_packages
from vultus.runtime.workers import Workers

pytestmark = pytest.mark.unit


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the packages that seem to be installed."""
    names: set[str] = set()

    def version(name: str) -> str:
        if name not in names:
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    return names


@pytest.mark.parametrize("names", [set(), {"onnxruntime"}, {"onnxruntime-gpu"}])
def test_one_package_of_onnx_runtime_will_do(installed: set[str], names: set[str]) -> None:
    installed |= names
    check_packages()


def test_two_are_a_start_up_error_that_says_what_to_do(installed: set[str], workers: Workers) -> None:
    installed |= {"onnxruntime", "onnxruntime-gpu"}
    with pytest.raises(RuntimeUnavailable, match="pip uninstall onnxruntime onnxruntime-gpu"):
        OnnxRuntime("cpu", "f32", workers, 2)
