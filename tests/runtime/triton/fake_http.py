"""The fake server over HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.runtime.triton.fake import FakeServer, Refusal, invalid, unknown

from vultus.runtime.triton.protocol import BINARY


class HttpFront(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", fake.port), _Handler)
        self.port = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever breaks a connection is not to be told of on standard error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpFront

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""

    def do_GET(self) -> None:
        self._reply(lambda: self._get(self.path.removeprefix("/v2").strip("/").split("/")))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply(lambda: self._post(self.path.removeprefix("/v2").strip("/").split("/"), body))

    def _reply(self, answer: Any) -> None:
        status, headers = 200, {}
        try:
            data, headers = answer()
        except Refusal as refusal:
            status, data = refusal.status, json.dumps({"error": str(refusal)}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _get(self, path: list[str]) -> tuple[bytes, dict[str, str]]:
        fake = self.server.fake
        match path:
            case ["health", "ready"]:
                if not fake.is_ready:
                    raise invalid("not ready")
                return b"", {}
            case [""]:
                return json.dumps({"name": "fake", "extensions": fake.extensions}).encode(), {}
            case ["models", name]:
                model = fake.model(name)
                tensors = {
                    "inputs": [{"name": "pixels", "datatype": model.dtype, "shape": model.shape}],
                    "outputs": [{"name": output, "datatype": "FP32", "shape": [-1]} for output in model.outputs],
                }
                return json.dumps(tensors).encode(), {}
            case ["models", name, "config"]:
                model = fake.model(name)
                config = {
                    "max_batch_size": model.rows,
                    "input": [{"name": "pixels", "data_type": f"TYPE_{model.dtype}", "dims": model.dims}],
                    "output": [{"name": output} for output in model.outputs],
                    "parameters": {key: {"string_value": value} for key, value in model.parameters.items()},
                }
                return json.dumps(config).encode(), {}
        raise unknown(f"no {path}")

    def _post(self, path: list[str], body: bytes) -> tuple[bytes, dict[str, str]]:
        fake = self.server.fake
        match path:
            case ["systemsharedmemory", "region", name, "register"]:
                told = json.loads(body)
                fake.map(name, told["key"], told["byte_size"])
                return b"{}", {}
            case ["systemsharedmemory", "region", name, "unregister"]:
                fake.regions.pop(name, None)
                return b"{}", {}
            case ["models", name, "infer"]:
                return self._infer(name, body)
        raise unknown(f"no {path}")

    def _infer(self, name: str, body: bytes) -> tuple[bytes, dict[str, str]]:
        fake = self.server.fake
        length = int(self.headers.get("Inference-Header-Content-Length", len(body)))
        told = json.loads(body[:length])
        source = told["inputs"][0]
        place = source.get("parameters", {})
        if "shared_memory_region" in place:
            offset = place.get("shared_memory_offset", 0)
            data = fake.read(place["shared_memory_region"], place["shared_memory_byte_size"], offset)
            pixels = np.frombuffer(data, np.uint8)
        elif "binary_data_size" in place:
            if BINARY not in fake.extensions:
                raise invalid("tensors as bytes are not known here")
            pixels = np.frombuffer(body[length:], np.uint8)
        else:
            pixels = np.array(source["data"], np.uint8)
        timeout = told.get("parameters", {}).get("timeout")
        results = fake.compute(name, pixels.reshape(source["shape"]), timeout)
        return self._answer(told["outputs"], results)

    def _answer(self, wanted: list[Any], results: Mapping[str, NDArray[Any]]) -> tuple[bytes, dict[str, str]]:
        outputs, tail = [], b""
        for each in wanted:
            array = results[each["name"]]
            datatype = "FP32" if array.dtype == np.float32 else "INT32"
            output: dict[str, Any] = {"name": each["name"], "datatype": datatype, "shape": array.shape}
            place = each.get("parameters", {})
            if "shared_memory_region" in place:
                offset = place.get("shared_memory_offset", 0)
                self.server.fake.write(place["shared_memory_region"], array.tobytes(), offset)
            elif place.get("binary_data"):
                output["parameters"] = {"binary_data_size": array.nbytes}
                tail += array.tobytes()
            else:
                output["data"] = array.ravel().tolist()
            outputs.append(output)
        head = json.dumps({"model_name": "", "outputs": outputs}).encode()
        return head + tail, {"Inference-Header-Content-Length": str(len(head))} if tail else {}
