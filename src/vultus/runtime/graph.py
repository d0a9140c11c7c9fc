"""ONNX graphs, changed to what an engine runs well: another input, another arithmetic, other operators.

Many public exports declare the one input they were traced with, and compute at others just as well; some do not:
their grid, or the size of an upsampled map, is built in. An engine notices most of these, as their shapes no longer
fit; what no shape betrays, the catalogue (``resizable``) or the family has to know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IncompatibleGraph, RuntimeUnavailable, VultusError
from vultus.runtime.layout import Layout
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

Rows: TypeAlias = int | str
"""Length of the batch axis: a number, or the name of one that is free."""

_FIRST_IR_WITH_PRIVATE_WEIGHTS = 4  # before, every weight had to be listed among the inputs (ONNX, IR.md)
_FIRST_OPSET_THAT_BROADCASTS = 7  # before, PRelu took its slopes by channel, and Mul wanted to be told


@contextmanager
def incompatible_if_failing(what: str) -> Iterator[None]:
    """Tell an error of a library, which share no base class, as one of the graph; those of Vultus pass as they are.

    Args:
        what: What cannot be done with which file, to begin the message with.

    Raises:
        IncompatibleGraph: A library failed within the ``with`` block.
    """
    try:
        yield
    except VultusError:
        raise
    except Exception as error:
        raise IncompatibleGraph(f"{what}: {error}") from error


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


def per_channel(values: tuple[float, float, float]) -> NDArray[np.float32]:
    """Means or deviations as a constant beside pixels ``(..., 3)``: one number where all channels have the same.

    OpenVINO then applies it to pixels as they come, and spares itself the work of laying them out twice.
    """
    return np.array(values[0] if len(set(values)) == 1 else values, np.float32)


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
    changed: bytes = _reshaped(data, shape).SerializeToString()
    return changed


def _reshaped(data: bytes, shape: Sequence[Rows]) -> Any:  # noqa: ANN401 - the library has no types
    model = _parsed(data)
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
        dimensions.add(**({"dim_param": size} if isinstance(size, str) else {"dim_value": size}))
    _keep_batch(graph, shape[0])
    del graph.value_info[:]
    for output in graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()
    return model


def has_prelu(data: bytes) -> bool:
    """Whether a graph may hold the operator PRelu: its name is in the file."""
    return b"PRelu" in data


def without_prelu(data: bytes) -> bytes:
    """The graph with ``PRelu(x, s)`` as ``Relu(x) - s * Relu(-x)``, of which one side is always 0: it is exact.

    A graph of an operator set before 7, where slopes are not broadcast as factors are, stays as it is.

    Raises:
        ValueError: It is no ONNX file.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    onnx = _library()
    model = _parsed(data)
    if max(opset.version for opset in model.opset_import if not opset.domain) < _FIRST_OPSET_THAT_BROADCASTS:
        return data
    nodes = []
    for node in model.graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        (values, slopes), (result,) = node.input, node.output
        above, mirrored, below, scaled = (f"vultus:{result}:{step}" for step in range(4))
        nodes += [
            onnx.helper.make_node("Relu", [values], [above]),
            onnx.helper.make_node("Neg", [values], [mirrored]),
            onnx.helper.make_node("Relu", [mirrored], [below]),
            onnx.helper.make_node("Mul", [below, slopes], [scaled]),
            onnx.helper.make_node("Sub", [above, scaled], [result]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    changed: bytes = model.SerializeToString()
    return changed


def halved(data: bytes, spec: InputSpec) -> bytes:
    """The graph computing in fp16, its input and outputs still float32.

    Weights beyond the range of fp16 are brought to its ends; operators that do not come in fp16 stay as they are.

    Args:
        data: An ONNX file's contents.
        spec: Size of the input.

    Raises:
        ValueError: It is no ONNX file, or has not just one input.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    model = _reshaped(data, spec.shape)
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(model, keep_io_types=True)
    del model.graph.value_info[:]
    # The converter adds a cast for each operator that reads a value in float32, though it be the same value.
    nodes = {node.output[0]: node for node in reversed(model.graph.node)}
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes.values()))
    changed: bytes = model.SerializeToString()
    return changed


def taking_pixels(data: bytes, spec: InputSpec, rows: Rows, name: str = "vultus:pixels") -> bytes:
    """The graph with fixed shapes, but for a free ``rows``, fed with RGB uint8 pixels ``(rows, height, width, 3)``.

    What ``spec`` says is to be done to them becomes part of the graph: a device that is handed pixels gets a quarter of
    the bytes, and computes on them while the processor does other things.

    Args:
        data: An ONNX file's contents.
        spec: Size and normalisation of the input.
        rows: Rows of a batch.
        name: Of the new input; but for the old one, nothing else in the graph may be called so.

    Raises:
        ValueError: It is no ONNX file, or has not just one input.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    onnx = _library()
    model = _reshaped(data, (rows, *spec.shape[1:]))
    graph, make = model.graph, onnx.helper.make_node
    nodes = [make("Cast", [name], ["vultus:0"], to=onnx.TensorProto.FLOAT)]

    def then(operator: str, *constants: np.ndarray[tuple[int, ...], np.dtype[np.generic]], **options: object) -> str:
        """Add an operator on what came last and some constants; returns the name of the result."""
        names = [f"vultus:{len(nodes)}:{index}" for index in range(len(constants))]
        graph.initializer.extend(map(onnx.numpy_helper.from_array, constants, names))
        nodes.append(make(operator, [nodes[-1].output[0], *names], [f"vultus:{len(nodes)}"], **options))
        return str(nodes[-1].output[0])

    if spec.color == "bgr":
        then("Gather", np.array([2, 1, 0], np.int64), axis=3)
    then("Sub", per_channel(spec.mean))
    last = then("Div", per_channel(spec.std))
    if spec.whiten:
        # A mean over whole pictures in operators that are the same in every version of ONNX.
        flat = np.array([0, 1, -1, 1], np.int64)  # 0: as many rows as come
        then("Reshape", flat)
        mean = then("GlobalAveragePool")
        nodes.append(make("Sub", [last, mean], ["vultus:centred"]))
        nodes.append(make("Mul", ["vultus:centred", "vultus:centred"], ["vultus:squares"]))
        then("Reshape", flat)
        then("GlobalAveragePool")
        then("Sqrt")
        least = np.array((3 * spec.width * spec.height) ** -0.5, np.float32)
        nodes.append(make("Div", ["vultus:centred", then("Max", least)], ["vultus:whitened"]))
    axes = [0, 3, 1, 2] if spec.layout == "nchw" else [0, 1, 2, 3]
    own = graph.input[0].name
    laid = f"vultus:{own}" if own == name else own
    nodes.append(make("Transpose", [nodes[-1].output[0]], [laid], perm=axes))
    for node in graph.node:
        node.input[:] = [laid if value == own else value for value in node.input]
    nodes.extend(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    shape = (rows, spec.height, spec.width, 3)
    graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, shape))
    changed: bytes = model.SerializeToString()
    return changed


def with_row_axis(data: bytes, layouts: Mapping[str, Layout]) -> bytes:
    """The graph with some outputs brought to ``(rows, *shape)``; their names and order stay.

    Args:
        data: An ONNX file's contents.
        layouts: How each of these outputs holds the rows of a batch now.

    Raises:
        ValueError: It is no ONNX file.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    onnx = _library()
    model = _parsed(data)
    graph, make = model.graph, onnx.helper.make_node
    inner = {name: f"vultus:{name}" for name in layouts}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [inner.get(value, value) for value in values]

    def constant(name: str, *values: int) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    for name, layout in layouts.items():
        values = inner[name]
        if layout.blocks > 1:
            apart, turned = f"{values}:apart", f"{values}:turned"
            cells = constant(f"{values}:cells", layout.blocks, -1, math.prod(layout.shape) // layout.blocks)
            graph.node.append(make("Reshape", [values, cells], [apart]))
            graph.node.append(make("Transpose", [apart], [turned], perm=[1, 0, 2]))
            values = turned
        graph.node.append(make("Reshape", [values, constant(f"{inner[name]}:row", -1, *layout.shape)], [name]))
    for output in graph.output:
        if output.name in layouts:
            output.type.tensor_type.ClearField("shape")
    changed: bytes = model.SerializeToString()
    return changed


def _keep_batch(graph: Any, rows: Rows) -> None:  # noqa: ANN401 - the library's own type may not be there
    """Let maps that are resized to a constant size, batch included, have this many rows.

    An export of SCRFD 2.5G says 1 there: it would go on with the first picture's map for all pictures of a batch.
    """
    from onnx import numpy_helper
    from onnx.helper import make_node

    constants = {weight.name: weight for weight in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4 and node.input[3] in constants:
            sizes = numpy_helper.to_array(constants[node.input[3]]).copy()
            name = f"vultus:size of {node.output[0]} for {rows}"
            if isinstance(rows, str):  # as many as the map has that is resized
                first, rest, shape, count = (f"{name}:{part}" for part in ("first", "rest", "shape", "count"))
                graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), first))
                graph.initializer.append(numpy_helper.from_array(sizes[1:], rest))
                nodes.append(make_node("Shape", [node.input[0]], [shape]))
                nodes.append(make_node("Gather", [shape, first], [count]))
                nodes.append(make_node("Concat", [count, rest], [name], axis=0))
                node.input[3] = name
            elif sizes[0] != rows:
                sizes[0] = rows
                graph.initializer.append(numpy_helper.from_array(sizes, name))
                node.input[3] = name
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - the library's own type may not be there
    onnx = _library()
    try:
        return onnx.load_model_from_string(data)
    except Exception as error:  # the parser's exceptions are of its implementation
        raise ValueError(f"it is no ONNX file: {error}") from error


def _library() -> ModuleType:
    """The library ``onnx``; imported when it is needed, for most installs do without.

    Raises:
        RuntimeUnavailable: It is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise RuntimeUnavailable(
            "the library onnx, which changes networks to what the onnx runtime can do, is not installed; "
            "install it with `pip install 'vultus[onnx]'`."
        ) from error
    return onnx
