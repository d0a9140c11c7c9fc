# ruff: noqa: N802 - the protocol names its questions
"""The fake server over gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tests.runtime.triton.fake import FakeServer, Refusal
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc


class GrpcFront(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # the library has no types
    def __init__(self, fake: FakeServer) -> None:
        self._fake = fake
        self._pool = ThreadPoolExecutor(16)
        self._server = grpc.server(self._pool)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{fake.port}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()
        self._pool.shutdown()

    def ServerReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerReadyResponse(ready=self._fake.is_ready)

    def ServerMetadata(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerMetadataResponse(name="fake", extensions=self._fake.extensions)

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        with _refusing(context):
            model = self._fake.model(request.name)
            tensor = service_pb2.ModelMetadataResponse.TensorMetadata
            return service_pb2.ModelMetadataResponse(
                inputs=[tensor(name="pixels", datatype=model.dtype, shape=model.shape)],
                outputs=[tensor(name=name, datatype="FP32", shape=[-1]) for name in model.outputs],
            )

    def ModelConfig(self, request: Any, context: Any) -> Any:
        with _refusing(context):
            model = self._fake.model(request.name)
            parameters = {key: model_config_pb2.ModelParameter(string_value=v) for key, v in model.parameters.items()}
            dtype = model_config_pb2.DataType.Value(f"TYPE_{model.dtype}")
            config = model_config_pb2.ModelConfig(
                name=request.name,
                max_batch_size=model.rows,
                input=[model_config_pb2.ModelInput(name="pixels", data_type=dtype, dims=model.dims)],
                output=[model_config_pb2.ModelOutput(name=name) for name in model.outputs],
                parameters=parameters,
            )
            return service_pb2.ModelConfigResponse(config=config)

    def SystemSharedMemoryRegister(self, request: Any, context: Any) -> Any:
        with _refusing(context):
            self._fake.map(request.name, request.key, request.byte_size)
            return service_pb2.SystemSharedMemoryRegisterResponse()

    def SystemSharedMemoryUnregister(self, request: Any, context: Any) -> Any:
        self._fake.regions.pop(request.name, None)
        return service_pb2.SystemSharedMemoryUnregisterResponse()

    def ModelInfer(self, request: Any, context: Any) -> Any:
        context.add_callback(self._fake.cancelled.set)
        with _refusing(context):
            source = request.inputs[0]
            told = source.parameters
            if "shared_memory_region" in told:
                data = self._fake.read(
                    told["shared_memory_region"].string_param,
                    told["shared_memory_byte_size"].int64_param,
                    told["shared_memory_offset"].int64_param,
                )
            else:
                data = request.raw_input_contents[0]
            pixels = np.frombuffer(data, np.uint8).reshape(tuple(source.shape))
            timeout = request.parameters["timeout"].int64_param or None
            results = self._fake.compute(request.model_name, pixels, timeout)
            return self._answer(request, results)

    def _answer(self, request: Any, results: Mapping[str, NDArray[Any]]) -> Any:
        answer = service_pb2.ModelInferResponse(model_name=request.model_name)
        for wanted in request.outputs:
            array = results[wanted.name]
            is_float = array.dtype == np.float32
            output = answer.outputs.add(
                name=wanted.name, datatype="FP32" if is_float else "INT32", shape=list(array.shape)
            )
            if "shared_memory_region" in wanted.parameters:
                place = wanted.parameters
                self._fake.write(
                    place["shared_memory_region"].string_param,
                    array.tobytes(),
                    place["shared_memory_offset"].int64_param,
                )
            elif self._fake.raw:
                answer.raw_output_contents.append(array.tobytes())
            elif is_float:
                output.contents.fp32_contents.extend(array.ravel().tolist())
            else:
                output.contents.int_contents.extend(array.ravel().tolist())
        return answer


@contextlib.contextmanager
def _refusing(context: Any) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        context.abort(refusal.code, str(refusal))
