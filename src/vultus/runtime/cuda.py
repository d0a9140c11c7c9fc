"""Which NVIDIA GPUs are here: asked of the driver's own library, so that nothing has to be installed for it."""

from __future__ import annotations

import ctypes
import re

from vultus.errors import DeviceUnavailable

DEVICE = re.compile(r"(cuda|tensorrt)(?::(\d+))?")
"""How settings name a GPU and what computes on it: ``cuda``, ``cuda:1``, ``tensorrt``, ...; in small letters."""

ENGINES = "engines"
"""Folder, below the cache, that engines which were built are kept in."""

_DRIVER = "libcuda.so.1"
_TENSORRT = ("libnvinfer.so.11", "libnvinfer.so.10")
_LONGEST_NAME = 256


def gpu_name(ordinal: int) -> str:
    """Name of a GPU, such as ``NVIDIA A10G``; GPUs are counted as ``CUDA_VISIBLE_DEVICES`` leaves them.

    Raises:
        DeviceUnavailable: There is no driver, or no such GPU.
    """
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        raise DeviceUnavailable(
            f"no NVIDIA driver is found here ({error}); in a container, start it with the GPU, or set device to cpu."
        ) from error
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        raise DeviceUnavailable("the NVIDIA driver finds no GPU it can use; set device to cpu.")
    if ordinal >= count.value:
        raise DeviceUnavailable(f"there is no GPU {ordinal} here: {count.value} found, counted from 0. Set device.")
    device = ctypes.c_int()
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    if driver.cuDeviceGet(ctypes.byref(device), ordinal) or driver.cuDeviceGetName(name, _LONGEST_NAME, device):
        raise DeviceUnavailable(f"the NVIDIA driver does not tell what GPU {ordinal} is.")
    return name.value.decode(errors="replace")


def tensorrt_version() -> int:
    """Version of the TensorRT library, such as 101302: engines built by another cannot be read.

    Raises:
        DeviceUnavailable: It is not installed.
    """
    for name in _TENSORRT:
        try:
            return int(ctypes.CDLL(name).getInferLibVersion())
        except OSError:
            continue
    raise DeviceUnavailable(
        f"TensorRT's library ({' or '.join(_TENSORRT)}) is not found; install TensorRT, or set device to cuda."
    )
