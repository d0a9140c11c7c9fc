"""What the results were measured on."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import vultus
from benchmarks import places
from vultus.runtime.cores import available_cores

PACKAGES = (
    "openvino",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
    "simplejpeg",
    "orjson",
    "ormsgpack",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
)
CPU_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def describe() -> dict[str, Any]:
    """CPU, memory, system, interpreter, load and date."""
    cpuinfo = _read("/proc/cpuinfo")
    flags = set((_field(cpuinfo, "flags") or "").split())
    memory = _field(_read("/proc/meminfo"), "MemTotal")
    return {
        "cpu": _field(cpuinfo, "model name") or platform.processor() or platform.machine(),
        "cores": available_cores(),
        "features": [name for name in CPU_FEATURES if name in flags],
        "memory_mib": int(memory.split()[0]) // 1024 if memory else None,
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "date": datetime.now(UTC).date().isoformat(),
    }


def versions() -> dict[str, str]:
    """Versions of Vultus and of what its speed rests on, as installed here."""
    found = {"vultus": vultus.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def model_hash(name: str) -> str:
    """sha256 of the network file ``name``.onnx that the benchmarks ran."""
    return hashlib.sha256(places.network(f"{name}.onnx").read_bytes()).hexdigest()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _field(text: str, name: str) -> str | None:
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else None
