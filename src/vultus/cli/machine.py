"""What this machine has: processor, memory, GPUs, inference engines."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from vultus.runtime.cores import available_cores

# What the inference engines make use of, as the kernel calls it.
_FEATURES = (
    *("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
_GPU_QUERY = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
_GPU_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor: its name, those of its instruction sets that matter, and the cores this process may use."""

    name: str
    features: tuple[str, ...]
    cores: int


@dataclass(frozen=True, slots=True)
class Engine:
    """An inference engine: version (``None``: not installed) and its devices, with what each is good at."""

    name: str
    version: str | None
    devices: dict[str, list[str]] = field(default_factory=dict)


def read_cpu(cpuinfo: Path = _CPUINFO) -> Cpu:
    """The processor, as far as the system tells."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []  # no Linux: the instruction sets stay unknown
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags |= set(value.split())
    return Cpu(name, tuple(feature for feature in _FEATURES if feature in flags), available_cores())


def read_memory(cgroup_limit: Path = _CGROUP_MEMORY) -> int | None:
    """Bytes of memory this process may use at most; ``None`` where the system does not tell."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    try:
        return min(total, int(cgroup_limit.read_text()))
    except (OSError, ValueError):
        return total  # no cgroup v2 here, or no limit in it


def read_gpus() -> list[str]:
    """NVIDIA GPUs, one line each: name, memory, driver."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command line
            [command, *_GPU_QUERY], capture_output=True, text=True, timeout=_GPU_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def read_engines() -> list[Engine]:
    """The inference engines and what they can run on; an engine that fails to load counts as not installed."""
    return [_read_engine("openvino", _openvino_devices), _read_engine("onnxruntime", _onnx_devices)]


def installed(package: str) -> str | None:
    """Version of an installed package, or ``None``."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _read_engine(name: str, devices: Callable[[], dict[str, list[str]]]) -> Engine:
    version = installed(name) or installed(f"{name}-gpu")
    try:
        return Engine(name, version, devices()) if version else Engine(name, None)
    except Exception as error:  # whatever a broken install raises is what is to be reported
        return Engine(name, None, {"broken": [str(error)]})


def _openvino_devices() -> dict[str, list[str]]:
    import openvino

    core = openvino.Core()
    return {device: sorted(core.get_property(device, "OPTIMIZATION_CAPABILITIES")) for device in core.available_devices}


def _onnx_devices() -> dict[str, list[str]]:
    import onnxruntime

    return {"providers": list(onnxruntime.get_available_providers())}
