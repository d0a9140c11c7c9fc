"""An ONNX network in int8: weights by channel, activations by the ranges they have on inputs it really gets.

The form is QDQ: the graph stays one of floats, with pairs of operators at the inputs of convolutions and products that
say how these are rounded. OpenVINO and ONNX Runtime then compute them with whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vultus import __version__
from vultus.errors import ExtraMissing, IncompatibleGraph
from vultus.runtime.graph import reshaped
from vultus.types import FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Model

COMPUTED = ("Conv", "Gemm", "MatMul")
"""Operators that are computed in int8: nearly all multiplications are theirs.

What comes out of them is left as it is until the next one's input: rounding it in between costs accuracy twice, and
keeps OpenVINO from computing the operators after it (PRelu, Add) in one go with it.
"""

_FIRST_OPSET_BY_CHANNEL = 13  # QuantizeLinear took one scale for a whole tensor before (ONNX, Operators.md)


def check_quantizer() -> None:
    """Make sure that networks can be quantized.

    Raises:
        ExtraMissing: The library that does it is not installed.
    """
    try:
        import onnxruntime.quantization  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            f"networks are quantized by ONNX Runtime's tools, which are not whole here ({error}); "
            "install them with `pip install 'vultus[onnx]'`."
        ) from error


def versions() -> dict[str, str]:
    """Versions of what quantizes."""
    import onnx
    import onnxruntime

    return {"vultus": __version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}


def quantize(model: Model, source: Path, target: Path, rows: Iterable[Image], shape: Sequence[int]) -> None:
    """Write the int8 form of a network; the rows are gone through once.

    Args:
        model: What it is.
        source: Its file.
        target: The file to write.
        rows: Inputs it really gets, RGB uint8 ``(height, width, 3)`` each, of any sizes that it takes.
        shape: Height and width of one of them.

    Raises:
        ExtraMissing: The library that does it is not installed.
        IncompatibleGraph: The graph cannot be changed so, or there is nothing in it to change.
    """
    check_quantizer()
    import onnxruntime
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    onnxruntime.set_default_logger_severity(3)  # sessions of the tools cannot be told otherwise to keep remarks back
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".prepared-") as folder:
            prepared = Path(folder) / "prepared.onnx"
            graph = _prepare(source, prepared, replace(model.input, height=shape[0], width=shape[1]))
            quantize_static(
                prepared,
                target,
                _reader(graph.input[0].name, _blobs(rows, model.input)),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(COMPUTED),
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=_depthwise(graph),
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"OpTypesToExcludeOutputQuantization": list(COMPUTED)},
            )
    except Exception as error:  # the libraries' exceptions share no base class
        raise IncompatibleGraph(f"{model.name} cannot be quantized: {error}") from error


def _prepare(source: Path, target: Path, spec: InputSpec) -> Any:  # noqa: ANN401 - it has no types
    """Write the graph as the quantizer wants it: folded, of a recent operator set, of any height and width.

    Returns:
        The graph that was written, all of whose operators have names.
    """
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization.shape_inference import quant_pre_process

    network = onnx.load_model_from_string(reshaped(source.read_bytes(), spec.shape))
    dimensions = network.graph.input[0].type.tensor_type.shape.dim
    for axis in map(spec.layout.index, "hw"):
        dimensions[axis].dim_param = f"vultus:{spec.layout[axis]}"
    if max(opset.version for opset in network.opset_import if not opset.domain) < _FIRST_OPSET_BY_CHANNEL:
        network = version_converter.convert_version(network, _FIRST_OPSET_BY_CHANNEL)
    plain = target.with_name("plain.onnx")
    onnx.save(network, plain)
    quant_pre_process(plain, target, skip_symbolic_shape=True)
    network = onnx.load(target)
    for number, node in enumerate(network.graph.node):
        node.name = node.name or f"vultus:{number}"
    onnx.save(network, target)
    return network.graph


def _depthwise(graph: Any) -> list[str]:  # noqa: ANN401 - it has no types
    """Names of convolutions by groups: they lose most by being rounded, and have next to nothing to gain by it."""
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and any(option.name == "group" and option.i > 1 for option in node.attribute)
    ]


def _blobs(rows: Iterable[Image], spec: InputSpec) -> Iterator[FloatArray]:
    """The rows as the graph's own input."""
    from vultus.runtime.onnx import normalise

    return (normalise(row, replace(spec, width=row.shape[1], height=row.shape[0])) for row in rows)


def _reader(name: str, blobs: Iterator[FloatArray]) -> Any:  # noqa: ANN401 - its class is there with the library only
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, FloatArray] | None:
            blob = next(blobs, None)
            return None if blob is None else {name: blob}

    return Reader()
