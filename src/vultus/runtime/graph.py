"""ONNX graphs that declare another input than the one they are to be run with.

Many public exports declare the one input they were traced with, and compute at others just as well; some do not:
their grid, or the size of an upsampled map, is built in. An engine notices most of these, as their shapes no longer
fit; what no shape betrays, the catalogue (``resizable``) or the family has to know.
"""

from __future__ import annotations

from collections.abc import Sequence

from vultus.errors import IncompatibleGraph, RuntimeUnavailable
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

_FIRST_IR_WITH_PRIVATE_WEIGHTS = 4  # before, every weight had to be listed among the inputs (ONNX, IR.md)


def check_size(model: Model, spec: InputSpec) -> None:
    """Refuse another size than the catalogue's for a network that knows but one.

    Raises:
        IncompatibleGraph: It is another.
    """
    own = model.input
    if not model.resizable and (spec.width, spec.height) != (own.width, own.height):
        raise IncompatibleGraph(
            f"{model.name} can only be run at {own.width}x{own.height}, not at {spec.width}x{spec.height}: "
            "the size is built into its graph."
        )


def reshaped(data: bytes, shape: Sequence[int]) -> bytes:
    """The graph with an input of this shape; shapes that followed from the old one are left to the engine to find.

    Weights that are listed among the inputs, as old exports do, no longer are: an engine may then fold them.

    Args:
        data: An ONNX file's contents.
        shape: Of the only input, batch included.

    Raises:
        ValueError: It is no ONNX file, or has not just one input.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise RuntimeUnavailable(
            "the library onnx, which changes the size of a network's input for the onnx runtime, is not installed; "
            "install it with `pip install 'vultus[onnx]'`."
        ) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # the parser's exceptions are of its implementation
        raise ValueError(f"it is no ONNX file: {error}") from error
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    weights |= {weight.values.name for weight in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ValueError(f"it has {len(inputs)} inputs, not one")
    del graph.input[:]
    graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _FIRST_IR_WITH_PRIVATE_WEIGHTS)
    dimensions = graph.input[0].type.tensor_type.shape.dim
    del dimensions[:]
    for size in shape:
        dimensions.add().dim_value = size
    del graph.value_info[:]
    for output in graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()
    changed: bytes = model.SerializeToString()
    return changed
