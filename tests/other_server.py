"""MLServer on 127.0.0.1 with the models of an exported repository: another server of Triton's protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from google.protobuf import text_format
from tests.needed import needed
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from benchmarks import places
from benchmarks.server import free_port

PATIENCE = 120.0
"""Seconds it has to load its models."""


@contextmanager
def serving(repository: Path) -> Iterator[tuple[str, str]]:
    """A server with models for one row, as those in Python have; yields ``host:port`` of its HTTP and gRPC."""
    http, grpc, metrics = free_port(), free_port(), free_port()
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
    }
    (repository / "settings.json").write_text(json.dumps(settings))
    for config in repository.glob("*/config.pbtxt"):
        describe(config)
    log = repository.with_suffix(".mlserver.log")
    with log.open("wb") as output:
        command: list[str | Path] = [interpreter().with_name("mlserver"), "start", repository]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=repository)
    try:
        end = time.monotonic() + PATIENCE
        while not is_ready(http):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"MLServer is not ready:\n{log.read_text()[-4000:]}")
            time.sleep(0.05)
        yield f"127.0.0.1:{http}", f"127.0.0.1:{grpc}"
    finally:
        process.kill()
        process.wait()


def interpreter() -> Path:
    """Of the environment that ``make mlserver`` makes; without it the test is skipped, or fails if ``CI``."""
    with needed():
        return places.mlserver_python()


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def describe(path: Path) -> None:
    """Write what MLServer wants to be told of a model, from what Triton is told of it."""
    config = text_format.Parse(path.read_text(), ModelConfig())
    settings = {
        "name": config.name,
        "implementation": "other_server_model.OnnxModel",
        "parameters": {"uri": str(path.parent)},
        **{
            kind: [
                {
                    "name": tensor.name,
                    "datatype": DataType.Name(tensor.data_type).removeprefix("TYPE_"),
                    "shape": [-1, *tensor.dims],
                }
                for tensor in tensors
            ]
            for kind, tensors in (("inputs", config.input), ("outputs", config.output))
        },
    }
    (path.parent / "model-settings.json").write_text(json.dumps(settings))
    shutil.copy(Path(__file__).with_name("other_server_model.py"), path.parent)
