"""Networks as a Triton server is given them: pixels in, outputs whose axis 0 counts the rows of the batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from vultus.errors import IncompatibleGraph
from vultus.runtime.graph import check_size, halved, incompatible_if_failing, taking_pixels, with_row_axis
from vultus.runtime.layout import Layout, find_layouts, row_shape
from vultus.runtime.triton.names import model_name
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model
from vultus.zoo.store import digest_of

PIXELS = "pixels"
"""Name of every model's input."""

_FREE = "rows"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output, without the axis of a batch.

    Attributes:
        name: What it is called.
        dtype: As numpy names it.
        dims: Its shape.
    """

    name: str
    dtype: str
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """A network as a Triton server is given it.

    Attributes:
        name: Of the model on the server.
        model: The catalogue entry.
        graph: An ONNX file's contents.
        input: RGB pixels.
        outputs: In the order of the network's own graph.
        max_batch_size: Rows that it takes at once; 0: there are no batches, all shapes are as they are said.
        sha256: Of the network's file, in lower-case hex.
        precision: ``f32``, ``fp16`` or ``int8``.
    """

    name: str
    model: Model
    graph: bytes
    input: Tensor
    outputs: tuple[Tensor, ...]
    max_batch_size: int
    sha256: str
    precision: str


@dataclass(frozen=True, slots=True)
class Form:
    """How graphs are to be.

    Attributes:
        max_batch_size: Most rows of a batch.
        precision: ``f32``, ``int8`` (then files say which operators are), or ``fp16``.
        halve: Turn graphs into ones of fp16: what computes does not do so by itself.
        single: Take one row, however many the server gathers: what computes hands it one after the other.
    """

    max_batch_size: int
    precision: str
    halve: bool = False
    single: bool = False


def serve(model: Model, path: Path, spec: InputSpec, form: Form) -> Served:
    """The network of a file with an input of this size, ready for a server; it has been run here.

    Colours are those of the catalogue: a caller that wants red for blue exchanges them itself.

    Raises:
        IncompatibleGraph: The file cannot be read, or cannot take such an input.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    check_size(model, spec)
    with incompatible_if_failing(f"{path.name} cannot be served as {model.name} at {spec.width}x{spec.height}"):
        data = path.read_bytes()
        if form.halve:
            data = halved(data, spec)
        graph, outputs, rows = _with_rows(model.name, data, spec, form)
    fixed: tuple[int, ...] = () if rows else (1,)
    return Served(
        name=model_name(model, spec),
        model=model,
        graph=graph,
        input=Tensor(PIXELS, "uint8", (*fixed, spec.height, spec.width, 3)),
        outputs=tuple(replace(output, dims=(*fixed, *output.dims)) for output in outputs),
        max_batch_size=rows,
        sha256=model.sha256 or digest_of(path, "sha256"),
        precision="f32" if form.precision == "int8" and _is_own(path, model) else form.precision,
    )


def _is_own(path: Path, model: Model) -> bool:
    """Whether a file is the one that the catalogue describes, and not one that was made of it."""
    wanted = model.checksum
    return wanted is not None and digest_of(path, wanted.algorithm) == wanted.digest


def _with_rows(name: str, data: bytes, spec: InputSpec, form: Form) -> tuple[bytes, tuple[Tensor, ...], int]:
    """The graph taking pixels, its outputs with an axis of rows, and how many the server may gather; 0: it has one."""
    if not form.single and form.max_batch_size > 1:
        try:
            graph, outputs = _batched(data, spec)
        except Exception as error:
            logger.warning("%s is served one picture at a time: %s", name, str(error).strip().splitlines()[0])
        else:
            return graph, outputs, form.max_batch_size
    graph, outputs = _alone(data, spec)
    return graph, outputs, form.max_batch_size if form.single else 0


def _alone(data: bytes, spec: InputSpec) -> tuple[bytes, tuple[Tensor, ...]]:
    """The graph for one row."""
    graph = taking_pixels(data, spec, 1, PIXELS)
    session = open_graph(graph)
    outputs = run_graph(session, _pictures(spec, 1))
    layouts = [Layout(row_shape(output)) for output in outputs]
    return _with_layouts(graph, session, layouts, outputs)


def _batched(data: bytes, spec: InputSpec) -> tuple[bytes, tuple[Tensor, ...]]:
    """The graph for any number of rows; of each it says what it says of it alone.

    Raises:
        IncompatibleGraph: It does not.
    """
    graph = taking_pixels(data, spec, _FREE, PIXELS)
    session = open_graph(graph)
    pictures = _pictures(spec, 3)
    alone = [run_graph(session, picture[np.newaxis]) for picture in pictures]
    together = run_graph(session, pictures)
    graph, outputs = _with_layouts(graph, session, find_layouts(alone, together), together)
    check = run_graph(open_graph(graph), pictures)
    if any(layout.blocks > 1 for layout in find_layouts(alone, check)):
        raise IncompatibleGraph("its rows are not where they were put")
    return graph, outputs


def _with_layouts(
    graph: bytes, session: ort.InferenceSession, layouts: Sequence[Layout], outputs: Sequence[NDArray[Any]]
) -> tuple[bytes, tuple[Tensor, ...]]:
    """The graph with an axis of rows where an output, of which examples are given, has none; and its outputs."""
    names = [output.name for output in session.get_outputs()]
    found = list(zip(names, layouts, outputs, strict=True))
    lacking = {name: layout for name, layout, output in found if output.shape[1:] != layout.shape or layout.blocks > 1}
    tensors = tuple(Tensor(name, output.dtype.name, layout.shape) for name, layout, output in found)
    return with_row_axis(graph, lacking) if lacking else graph, tensors


def open_graph(graph: bytes) -> ort.InferenceSession:
    """A graph that takes pixels, to be tried on this machine."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run_graph(session: ort.InferenceSession, pictures: Image) -> list[NDArray[Any]]:
    """Its outputs."""
    answers: list[NDArray[Any]] = session.run(None, {PIXELS: pictures})
    return answers


def _pictures(spec: InputSpec, rows: int) -> Image:
    """Pictures that all differ."""
    return np.random.default_rng(rows).integers(0, 256, (rows, spec.height, spec.width, 3), np.uint8)
