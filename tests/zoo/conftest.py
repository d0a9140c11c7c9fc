"""A file server that can misbehave, and catalogue entries for what it serves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vultus.types import InputSpec
from vultus.zoo.catalogue import Model, Source
from vultus.zoo.progress import Report


@dataclass
class FileServer:
    """What is served, and what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Whether ranges are honoured."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes to drop the connection, answer by answer; answers after the last are whole."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request."""
    moved: dict[str, str] = field(default_factory=dict)
    """Where a path has gone; said in a web page of no content, as GitHub's releases do."""
    address: str = ""

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


def _handler(state: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            if self.path in state.moved:
                self.send_response(302)
                self.send_header("Location", state.moved[self.path])
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.files.get(self.path.partition("?")[0].removeprefix("/"))
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if body is None or (start and start >= len(body)):
                self.send_error(404 if body is None else 416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            cut = state.cuts.pop(0) if state.cuts else len(body)
            self.wfile.write(body[start : start + cut])
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the class it overrides
            """Silence."""

    return Handler


@pytest.fixture
def server() -> Iterator[FileServer]:
    state = FileServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as http:
        state.address = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield state
        http.shutdown()
        thread.join()


ModelMaker = Callable[..., Model]


@pytest.fixture
def make_model() -> ModelMaker:
    """An entry for a file of this content."""

    def make(content: bytes, *sources: Source, name: str = "net", **more: Any) -> Model:
        entry: dict[str, Any] = {
            "name": name,
            "task": "detection",
            "family": "scrfd",
            "file": f"{name}.onnx",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "licence": "MIT",
            "commercial_use": True,
            "source_project": "https://example.org",
            "sources": sources,
            "input": InputSpec(640, 640),
        }
        return Model(**(entry | more))

    return make


class Display:
    """A progress display that remembers what it was told."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.reports: list[tuple[int, int | None]] = []

    @contextmanager
    def __call__(self, label: str) -> Iterator[Report]:
        self.labels.append(label)
        yield lambda done, total: self.reports.append((done, total))


@pytest.fixture
def display() -> Display:
    return Display()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
