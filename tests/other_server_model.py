"""A model for MLServer that runs the ONNX file beside it, row by row; it is copied to where MLServer is, not Vultus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):  # type: ignore[misc]  # the library is not here
    """Takes one tensor, and answers with the graph's outputs."""

    async def load(self) -> bool:
        path = Path(self.settings.parameters.uri) / "1" / "model.onnx"
        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        pixels = NumpyCodec.decode_input(payload.inputs[0])
        name = self._session.get_inputs()[0].name
        rows = [self._session.run(None, {name: pixels[index : index + 1]}) for index in range(len(pixels))]
        outputs = [
            NumpyCodec.encode_output(output.name, np.concatenate(values))
            for output, values in zip(self._session.get_outputs(), zip(*rows, strict=True), strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
