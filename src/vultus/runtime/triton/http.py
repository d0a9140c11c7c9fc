"""A server over HTTP: a pool of connections, for the library's own client is for one thread alone.

The library writes and reads the bodies; urllib3 sends them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import tritonclient.http as client
import urllib3
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException
from urllib3 import exceptions

from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.address import Address
from vultus.runtime.triton.protocol import (
    BINARY,
    CONFIGURATION,
    Described,
    Late,
    Lost,
    Rejected,
    Request,
    Unknown,
    seconds_of,
)

_LENGTH = "Inference-Header-Content-Length"
_CONNECT = 5.0  # seconds after which an address that says nothing to a first packet is taken for deserted
_LEAST = 0.001  # seconds; the library refuses 0

CONNECTIONS = 128
"""Connections that are kept open: as many threads may ask at once."""


class HttpTransport:
    """See ``Transport``.

    Args:
        address: Of the server.
    """

    def __init__(self, address: Address) -> None:
        scheme = "https" if address.is_secure else "http"
        self._pool = urllib3.connection_from_url(
            f"{scheme}://{address.netloc}", maxsize=CONNECTIONS, retries=False, headers={"Accept": "*/*"}
        )
        self._base = f"{address.path}/v2"
        self._is_binary = True
        self._has_configurations = False

    def is_ready(self, seconds: float) -> bool:
        """See ``Transport``."""
        return self._ask("GET", "/health/ready", seconds).status == 200

    def extensions(self, seconds: float) -> frozenset[str]:
        """See ``Transport``."""
        found = frozenset(map(str, self._told("", seconds).get("extensions", ())))
        self._is_binary = BINARY in found
        self._has_configurations = CONFIGURATION in found
        return found

    def describe(self, model: str, seconds: float | None) -> Described:
        """See ``Transport``."""
        path = f"/models/{quote(model, safe='')}"
        if not self._has_configurations:
            told = self._told(path, seconds)
            first = told["inputs"][0]
            outputs = tuple(output["name"] for output in told["outputs"])
            return Described(
                first["name"], first["datatype"], tuple(first["shape"]), outputs, inputs=len(told["inputs"])
            )
        config = self._told(f"{path}/config", seconds)
        first = config["input"][0]
        rows = config.get("max_batch_size", 0)
        return Described(
            input=first["name"],
            dtype=first["data_type"].removeprefix("TYPE_"),
            shape=(*((-1,) if rows else ()), *map(int, first["dims"])),
            outputs=tuple(output["name"] for output in config["output"]),
            rows=rows or None,
            parameters={name: value["string_value"] for name, value in config.get("parameters", {}).items()},
            inputs=len(config["input"]),
        )

    def infer(self, request: Request, ticket: Ticket) -> list[NDArray[Any]]:
        """See ``Transport``. Where the server takes no bytes for tensors they travel as JSON, which is slow."""
        source = client.InferInput(request.input, request.pixels.shape, "UINT8")
        if request.source is None:
            source.set_data_from_numpy(request.pixels, binary_data=self._is_binary)
        else:
            source.set_shared_memory(*request.source)
        wanted = [client.InferRequestedOutput(name, binary_data=self._is_binary) for name in request.outputs]
        for output, place in zip(wanted, request.targets, strict=False):
            output.set_shared_memory(*place)
        body, length = client.InferenceServerClient.generate_request_body(
            [source], outputs=wanted, timeout=request.microseconds
        )
        headers = {"Content-Type": "application/json"} if length is None else {_LENGTH: str(length)}
        path = f"/models/{quote(request.model, safe='')}/infer"
        answer = _checked(self._ask("POST", path, seconds_of(ticket), body, headers))
        if request.targets:
            return []
        try:
            head = answer.headers.get(_LENGTH)
            result = client.InferenceServerClient.parse_response_body(answer.data, header_length=head and int(head))
            arrays = [result.as_numpy(name) for name in request.outputs]
        except (InferenceServerException, ValueError, KeyError) as error:
            raise Rejected(f"the server's answer cannot be read: {error}") from error
        if any(array is None for array in arrays):
            raise Rejected("the server answers without some outputs")
        return arrays

    def register(self, region: str, key: str, size: int, seconds: float | None) -> None:
        """See ``Transport``."""
        body = json.dumps({"key": key, "offset": 0, "byte_size": size}).encode()
        _checked(self._ask("POST", f"/systemsharedmemory/region/{quote(region)}/register", seconds, body))

    def unregister(self, region: str, seconds: float | None) -> None:
        """See ``Transport``."""
        _checked(self._ask("POST", f"/systemsharedmemory/region/{quote(region)}/unregister", seconds, b""))

    def close(self) -> None:
        """See ``Transport``."""
        self._pool.close()

    def _told(self, path: str, seconds: float | None) -> dict[str, Any]:
        answer = _checked(self._ask("GET", path, seconds))
        try:
            told: dict[str, Any] = json.loads(answer.data)
        except ValueError as error:
            raise Rejected(f"the server's answer to {self._base}{path} is no JSON: {error}") from error
        return told

    def _ask(
        self,
        method: str,
        path: str,
        seconds: float | None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.urlopen(
                method,
                self._base + path,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=_timeout(seconds),
            )
        except exceptions.TimeoutError as error:
            if isinstance(error, exceptions.ConnectTimeoutError):
                raise Lost(str(error)) from error
            raise Late(str(error)) from error
        except (exceptions.HTTPError, OSError) as error:
            raise Lost(str(error)) from error


def _timeout(seconds: float | None) -> urllib3.Timeout:
    left = None if seconds is None else max(_LEAST, seconds)
    return urllib3.Timeout(total=left, connect=_CONNECT if left is None else min(_CONNECT, left))


def _checked(answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    """The answer, unless it tells of an error."""
    if answer.status == 200:
        return answer
    try:
        message = str(json.loads(answer.data)["error"])
    except (ValueError, KeyError, TypeError):
        message = f"status {answer.status}"
    if answer.status in (502, 503, 504):
        raise Lost(message)
    raise (Unknown if answer.status == 404 or "unknown model" in message.lower() else Rejected)(message)
