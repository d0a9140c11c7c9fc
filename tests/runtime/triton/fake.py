"""A server of KServe v2 in this process, over gRPC and HTTP, whose networks answer as can be worked out by hand."""

from __future__ import annotations

import mmap
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from vultus.runtime.triton.protocol import BINARY, CONFIGURATION, SCHEDULING, SHARED

ALL = (BINARY, CONFIGURATION, SHARED, SCHEDULING)
POISON = 66


class Refusal(Exception):
    """The server does not do it.

    Attributes:
        status: Of HTTP.
        code: Of gRPC.
    """

    def __init__(self, message: str, status: int, code: grpc.StatusCode) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def unknown(message: str) -> Refusal:
    return Refusal(message, 404, grpc.StatusCode.NOT_FOUND)


def invalid(message: str) -> Refusal:
    return Refusal(message, 400, grpc.StatusCode.INVALID_ARGUMENT)


@dataclass
class FakeModel:
    """Answers each picture with its first value as float32 ``(1,)``, and with its lowest pixels as int32 ``(w, 3)``."""

    dims: tuple[int, ...] = (2, 2, 3)
    rows: int = 64
    parameters: dict[str, str] = field(default_factory=dict)
    dtype: str = "UINT8"
    outputs: tuple[str, ...] = ("first", "last")

    @property
    def shape(self) -> tuple[int, ...]:
        return (-1, *self.dims) if self.rows else self.dims

    def run(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        rows = pixels.reshape(-1, *self.dims[-3:])
        if (rows == POISON).any():
            raise invalid("a row is poisonous\n\nAt:\n  /model.py(13): execute")
        first = rows[:, 0, 0, :1].astype(np.float32)
        last = rows[:, -1].astype(np.int32)
        return {"first": first, "last": last}


@dataclass
class FakeServer:
    """What both protocols show. A server that has ended forgets the memory that it was told of.

    Attributes:
        models: By name.
        extensions: What it claims to know.
        is_ready: Whether it says that it is.
        raw: Whether gRPC's tensors go out as bytes, or as numbers.
        gate: Held requests go on when it is set.
        asked: Rows of each request that was computed, and its timeout.
        refuse_next: What the next requests are answered with instead.
        cancelled: Set when a request has been taken back.
    """

    scheme: str
    models: dict[str, FakeModel] = field(default_factory=dict)
    extensions: tuple[str, ...] = ALL
    is_ready: bool = True
    raw: bool = True
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[int, int | None]] = field(default_factory=list)
    refuse_next: list[Refusal] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    regions: dict[str, mmap.mmap] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self.gate.set()
        self._front: Any = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        from tests.runtime.triton.fake_grpc import GrpcFront
        from tests.runtime.triton.fake_http import HttpFront

        self._front = (GrpcFront if self.scheme == "grpc" else HttpFront)(self)
        self.port = self._front.port

    def stop(self) -> None:
        """Break all connections, and listen no more."""
        if self._front is not None:
            front, self._front = self._front, None
            self.gate.set()
            front.stop()
        self.regions.clear()

    @property
    def connections(self) -> int:
        """How many were made over HTTP since it listens."""
        return len(self._front.connections)

    def model(self, name: str) -> FakeModel:
        if name not in self.models:
            raise unknown(f"Request for unknown model: '{name}' is not found")
        return self.models[name]

    def map(self, name: str, key: str, size: int) -> None:
        path = Path("/dev/shm") / key.removeprefix("/")
        if SHARED not in self.extensions or not path.exists():
            raise invalid(f"Unable to open shared memory region: '{key}'")
        with path.open("r+b") as file:
            self.regions[name] = mmap.mmap(file.fileno(), size)

    def read(self, region: str, size: int, offset: int) -> bytes:
        if region not in self.regions:
            raise invalid(f"Unable to find shared memory region: '{region}'")
        return self.regions[region][offset : offset + size]

    def write(self, region: str, data: bytes, offset: int) -> None:
        self.regions[region][offset : offset + len(data)] = data

    def compute(self, name: str, pixels: NDArray[np.uint8], timeout: int | None) -> dict[str, NDArray[Any]]:
        self.waiting.release()
        self.gate.wait(30)
        if self.refuse_next:
            raise self.refuse_next.pop(0)
        self.asked.append((len(pixels), timeout))
        return self.model(name).run(pixels)
