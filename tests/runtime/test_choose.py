from __future__ import annotations

import sys

import pytest

from vultus.errors import DeviceUnavailable, PrecisionUnavailable, RuntimeUnavailable
from vultus.runtime.choose import open_runtime
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
