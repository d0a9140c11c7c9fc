"""A server over gRPC: one connection, on which all threads' questions travel side by side."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import tritonclient.grpc as client
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.address import Address
from vultus.runtime.triton.protocol import (
    CONFIGURATION,
    Described,
    Failure,
    Late,
    Lost,
    Rejected,
    Request,
    Unknown,
    seconds_of,
    typed,
)

T = TypeVar("T")

_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # By default a server that comes back is tried again after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]

_KINDS: Mapping[str, type[Failure]] = MappingProxyType(
    {
        "StatusCode.UNAVAILABLE": Lost,
        "StatusCode.CANCELLED": Lost,
        "StatusCode.DEADLINE_EXCEEDED": Late,
        "StatusCode.NOT_FOUND": Unknown,
        "StatusCode.UNIMPLEMENTED": Unknown,
    }
)

_CONTENTS: Mapping[str, str] = MappingProxyType(
    {
        "BOOL": "bool_contents",
        "INT8": "int_contents",
        "INT16": "int_contents",
        "INT32": "int_contents",
        "INT64": "int64_contents",
        "UINT8": "uint_contents",
        "UINT16": "uint_contents",
        "UINT32": "uint_contents",
        "UINT64": "uint64_contents",
        "FP32": "fp32_contents",
        "FP64": "fp64_contents",
    }
)
"""Where a tensor is that was not sent as bytes."""


class GrpcTransport:
    """See ``Transport``.

    Args:
        address: Of the server.
    """

    def __init__(self, address: Address) -> None:
        self._client = client.InferenceServerClient(address.netloc, ssl=address.is_secure, channel_args=_OPTIONS)
        self._has_configurations = False

    def is_ready(self, seconds: float) -> bool:
        """See ``Transport``."""
        return bool(_asked(lambda: self._client.is_server_ready(client_timeout=seconds)))

    def extensions(self, seconds: float) -> frozenset[str]:
        """See ``Transport``."""
        found = frozenset(_asked(lambda: self._client.get_server_metadata(client_timeout=seconds)).extensions)
        self._has_configurations = CONFIGURATION in found
        return found

    def describe(self, model: str, seconds: float | None) -> Described:
        """See ``Transport``."""
        if not self._has_configurations:
            told = _asked(lambda: self._client.get_model_metadata(model, client_timeout=seconds))
            outputs = tuple(output.name for output in told.outputs)
            first = told.inputs[0]
            return Described(first.name, first.datatype, tuple(first.shape), outputs, inputs=len(told.inputs))
        config = _asked(lambda: self._client.get_model_config(model, client_timeout=seconds)).config
        first = config.input[0]
        batch = (-1,) if config.max_batch_size else ()
        return Described(
            input=first.name,
            dtype=client.model_config_pb2.DataType.Name(first.data_type).removeprefix("TYPE_"),
            shape=(*batch, *first.dims),
            outputs=tuple(output.name for output in config.output),
            rows=config.max_batch_size or None,
            parameters={name: value.string_value for name, value in config.parameters.items()},
            inputs=len(config.input),
        )

    def infer(self, request: Request, ticket: Ticket) -> list[NDArray[Any]]:
        """See ``Transport``. A ticket that is given up takes the request back, from the server's queue, too."""
        source = client.InferInput(request.input, request.pixels.shape, "UINT8")
        if request.source is None:
            source.set_data_from_numpy(request.pixels)
        else:
            source.set_shared_memory(*request.source)
        wanted = [client.InferRequestedOutput(name) for name in request.outputs]
        for output, place in zip(wanted, request.targets, strict=False):
            output.set_shared_memory(*place)
        answers: queue.SimpleQueue[tuple[Any, InferenceServerException | None]] = queue.SimpleQueue()
        call = _asked(
            lambda: self._client.async_infer(
                request.model,
                [source],
                lambda result, error: answers.put((result, error)),
                outputs=wanted,
                timeout=request.microseconds,
                client_timeout=seconds_of(ticket),
            )
        )
        with ticket.heard_by(call.cancel):
            if ticket.cancelled:  # maybe before there was anything to cancel
                call.cancel()
            result, error = answers.get()  # the library answers at the deadline
        if error is not None:
            raise _failure(error) from error
        return [] if request.targets else [_tensor(result, name) for name in request.outputs]

    def register(self, region: str, key: str, size: int, seconds: float | None) -> None:
        """See ``Transport``."""
        _asked(lambda: self._client.register_system_shared_memory(region, key, size, client_timeout=seconds))

    def unregister(self, region: str, seconds: float | None) -> None:
        """See ``Transport``."""
        _asked(lambda: self._client.unregister_system_shared_memory(region, client_timeout=seconds))

    def close(self) -> None:
        """See ``Transport``."""
        self._client.close()


def _tensor(result: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - the library has no types
    """An output; numbers, too, which the library takes for none."""
    tensor = result.get_output(name)
    if tensor is None:
        raise Rejected(f"the server answers without {name}")
    if result.get_response().raw_output_contents:
        array: NDArray[Any] = result.as_numpy(name)
        return array
    return typed(
        getattr(tensor.contents, _CONTENTS.get(tensor.datatype, "bytes_contents")), tensor.datatype, tensor.shape
    )


def _asked(question: Callable[[], T]) -> T:
    try:
        return question()
    except InferenceServerException as error:
        raise _failure(error) from error


def _failure(error: InferenceServerException) -> Failure:
    return _KINDS.get(error.status() or "", Rejected)(error.message() or "")
