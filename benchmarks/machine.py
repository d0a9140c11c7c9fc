"""What the results were measured on."""

from __future__ import annotations

import hashlib
import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import vultus
from benchmarks import places
from vultus.cli.machine import read_cpu, read_memory

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


def describe() -> dict[str, Any]:
    """CPU, memory, system, interpreter, load and date."""
    cpu, memory = read_cpu(), read_memory()
    return {
        "cpu": cpu.name,
        "cores": cpu.cores,
        "features": list(cpu.features),
        "memory_mib": memory // 2**20 if memory else None,
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
