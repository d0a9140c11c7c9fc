"""What the driver's library says, on a library that is made up."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from vultus.errors import DeviceUnavailable
from vultus.runtime.cuda import gpu_name, tensorrt_version

pytestmark = pytest.mark.unit


class Driver:
    """Stands in for libcuda; its functions return 0 where all is well, as CUDA's do."""

    def __init__(self, names: list[bytes], init: int = 0, named: int = 0) -> None:
        self._names = names
        self._init = init
        self._named = named

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the library's
        return self._init

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self._names)
        return 0

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:  # noqa: N802
        device._obj.value = ordinal
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:  # noqa: N802
        name.value = self._names[device.value][: length - 1]
        return self._named


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The libraries that can be loaded, by name."""
    there: dict[str, object] = {}

    def load(name: str) -> object:
        if name not in there:
            raise OSError(f"{name}: cannot open shared object file")
        return there[name]

    monkeypatch.setattr(ctypes, "CDLL", load)
    return there


def test_the_gpu_is_named(libraries: dict[str, object]) -> None:
    libraries["libcuda.so.1"] = Driver([b"NVIDIA A10G", b"NVIDIA L4"])
    assert [gpu_name(0), gpu_name(1)] == ["NVIDIA A10G", "NVIDIA L4"]


@pytest.mark.parametrize(
    ("driver", "message"),
    [
        (None, "no NVIDIA driver"),
        (Driver([], init=100), "finds no GPU"),
        (Driver([b"NVIDIA L4"]), "no GPU 1 here: 1 found"),
        (Driver([b"one", b"two"], named=3), "does not tell"),
    ],
)
def test_a_gpu_that_is_not_there_is_said_to_be_missing(
    libraries: dict[str, object], driver: Driver | None, message: str
) -> None:
    if driver is not None:
        libraries["libcuda.so.1"] = driver
    with pytest.raises(DeviceUnavailable, match=message):
        gpu_name(1)


class TensorRt:
    def __init__(self, version: int) -> None:
        self.getInferLibVersion: Callable[[], int] = lambda: version


def test_the_version_of_tensorrt_is_its_librarys(libraries: dict[str, object]) -> None:
    with pytest.raises(DeviceUnavailable, match="install TensorRT"):
        tensorrt_version()
    libraries["libnvinfer.so.10"] = TensorRt(101302)
    assert tensorrt_version() == 101302
