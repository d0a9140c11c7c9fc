"""Make an ONNX network of a known graph signature with random weights, for tests of what has no weights here.

    python tools/make_network.py --list
    python tools/make_network.py scrfd_kps out.onnx --seed 7

What comes out takes the inputs and gives the outputs of the real network, by name and shape, and nothing else of it: it
is a few layers of random numbers, says so in its graph's name and metadata, and recognises nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NOTICE = "random weights, made for tests by tools/make_network.py; this is no trained network"

_OPSET, _IR = 11, 6  # those of the networks that this stands in for
_WEIGHT = 0.005  # keeps what exponentials and sigmoids are taken of small, for pixels up to 255
_CELLS = 2  # a vector is told from as many cells a side

Activation = Literal["", "Sigmoid", "Relu", "Softmax"]


@dataclass(frozen=True, slots=True)
class Head:
    """One output of a detector: something for every anchor of every cell.

    Attributes:
        name: Of the output.
        columns: Numbers an anchor.
        anchors: Anchors a cell.
        strides: Of the cells, in pixels; what several give comes one after the other in one table.
        form: ``table``: ``(n, cells x anchors, columns)``; ``map``: ``(n, anchors x columns, rows, columns)``;
            ``grid``: ``(n, anchors, rows, columns, columns)``; ``decoded``: that as a table, anchor by anchor, its
            first two columns around the middle of the cell, in pixels.
        activation: What is done to the numbers.
    """

    name: str
    columns: int
    anchors: int = 2
    strides: tuple[int, ...] = (8,)
    form: Literal["table", "map", "grid", "decoded"] = "table"
    activation: Activation = ""


@dataclass(frozen=True, slots=True)
class Vector:
    """One output of an embedder or attribute network, ``(n, length)``."""

    name: str
    length: int
    activation: Activation = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of a network.

    Attributes:
        input: Name of the input.
        outputs: In order.
        size: Side of the input in pixels; 0: any.
        layout: Axis order of the input.
    """

    input: str
    outputs: tuple[Head | Vector, ...]
    size: int = 0
    layout: Literal["nchw", "nhwc"] = "nchw"


def _scrfd(*, key_points: bool) -> Signature:
    kinds: list[tuple[str, int, Activation]] = [("score", 1, "Sigmoid"), ("bbox", 4, "Relu"), ("kps", 10, "")]
    heads = [
        Head(f"{kind}_{stride}", columns, strides=(stride,), activation=activation)
        for kind, columns, activation in kinds[: 3 if key_points else 2]
        for stride in (8, 16, 32)
    ]
    return Signature("input.1", tuple(heads))


def _retinaface(*, masks: bool) -> Signature:
    kinds: list[tuple[str, int, Activation]] = [("cls_prob_reshape", 2, "Sigmoid"), ("bbox_pred", 4, "")]
    kinds += [("landmark_pred", 10, ""), ("type_prob_reshape", 3, "Sigmoid")]
    heads = [
        Head(f"face_rpn_{kind}_stride{stride}", columns, strides=(stride,), form="map", activation=activation)
        for stride in (32, 16, 8)
        for kind, columns, activation in kinds[: 4 if masks else 3]
    ]
    return Signature("data", tuple(heads))


def _points(names: Iterable[str], *kinds: tuple[int, Activation]) -> Signature:
    """A detector that has maps of stride 4 and no anchors."""
    heads = [
        Head(name, columns, 1, (4,), "map", activation)
        for name, (columns, activation) in zip(names, kinds, strict=True)
    ]
    return Signature("input.1", tuple(heads))


SIGNATURES: Mapping[str, Signature] = MappingProxyType(
    {
        "scrfd": _scrfd(key_points=False),
        "scrfd_kps": _scrfd(key_points=True),
        "retinaface": _retinaface(masks=False),
        "mnet_cov2": _retinaface(masks=True),
        "retinaface_priors": Signature(
            "input0",
            (
                Head("output0", 4, strides=(8, 16, 32)),
                Head("572", 2, strides=(8, 16, 32), activation="Softmax"),
                Head("571", 10, strides=(8, 16, 32)),
            ),
        ),
        "centerface": _points(("537", "538", "539", "540"), (1, "Sigmoid"), (2, ""), (2, ""), (10, "")),
        "dbface": _points(("hm", "tlrb", "landmark"), (1, "Sigmoid"), (4, "Relu"), (10, "")),
        "yolov5face": Signature("input", (Head("output", 16, 3, (8, 16, 32), "decoded", "Sigmoid"),)),
        "yolov5face_raw": Signature(
            "data", tuple(Head(f"stride_{stride}", 16, 3, (stride,), "grid") for stride in (8, 16, 32))
        ),
        "arcface": Signature("input.1", (Vector("683", 512),), 112),
        "arcface_mxnet": Signature("data", (Vector("fc1", 512),), 112),
        "arcface_mobilefacenet": Signature("data", (Vector("fc1", 128),), 112),
        "adaface": Signature("input", (Vector("output", 512), Vector("norm", 1)), 112),
        "facenet": Signature("input:0", (Vector("embeddings:0", 512),), 160, "nhwc"),
        "genderage": Signature("data", (Vector("fc1", 3),), 96),
        "genderage_v1": Signature("data", (Vector("fc1", 202),), 112),
        "landmarks106": Signature("data", (Vector("fc1", 212),), 192),
        "1k3d68": Signature("data", (Vector("fc1", 3309),), 192),
        "minifasnet": Signature("input", (Vector("output", 3),), 80),
        "mask_detector": Signature("input_1", (Vector("dense_1", 2, "Softmax"),), 224, "nhwc"),
        "mask_detector112": Signature("input_1", (Vector("dense_1", 2, "Softmax"),), 112, "nhwc"),
        "mask_classes": Signature("input", (Vector("output", 3),), 224),
        "mafa_inception": Signature("input_1", (Vector("dense", 3, "Softmax"),), 100, "nhwc"),
        "agegender_age": Signature("input", (Vector("logits", 8),), 160, "nhwc"),
        "agegender_gender": Signature("input", (Vector("logits", 2),), 160, "nhwc"),
    }
)


@dataclass
class _Graph:
    """A graph as it grows."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as in ONNX
        """Add a layer; returns the name of its output."""
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: object, kind: type = np.int64) -> str:
        """Add a tensor; returns its name."""
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def noise(self, *shape: int) -> str:
        """Add a tensor of random numbers; returns its name."""
        return self.constant(self.random.normal(0, _WEIGHT, shape), np.float32)


def make_network(name: str, *, seed: int = 0, size: int = 0) -> onnx.ModelProto:
    """A network of one of ``SIGNATURES``.

    Args:
        name: Of the signature.
        seed: The same seed makes the same network.
        size: Side of the input; 0: the signature's own, which for detectors is any.
    """
    signature = SIGNATURES[name]
    graph = _Graph(np.random.default_rng(seed))
    side: int | None = size or signature.size or None
    pixels = signature.input
    if signature.layout == "nhwc":
        pixels = graph.node("Transpose", [pixels], perm=[0, 3, 1, 2])
    outputs = []
    for output in signature.outputs:
        if isinstance(output, Head):
            _head(graph, pixels, output)
            rank = {"table": 3, "decoded": 3, "map": 4, "grid": 5}[output.form]
            shape: list[int | str | None] = ["n", *[None] * (rank - 1)]
        else:
            _vector(graph, pixels, output, side or 0)
            shape = ["n", output.length]
        outputs.append(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, shape))
    axes = ["n", 3, side, side] if signature.layout == "nchw" else ["n", side, side, 3]
    given = helper.make_tensor_value_info(signature.input, TensorProto.FLOAT, axes)
    built = helper.make_graph(graph.nodes, f"random_{name}", [given], outputs, graph.weights, doc_string=NOTICE)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="vultus tests")
    model.ir_version = _IR
    model.doc_string = NOTICE
    helper.set_model_props(model, {"weights": NOTICE, "signature": name, "seed": str(seed)})
    onnx.checker.check_model(model)
    return model


def _head(graph: _Graph, pixels: str, head: Head) -> None:
    parts = [_level(graph, pixels, head, stride) for stride in head.strides]
    whole = graph.node("Concat", parts, axis=1) if len(parts) > 1 else parts[0]
    attributes = {"axis": -1} if head.activation == "Softmax" else {}
    graph.node(
        "Identity" if head.form == "decoded" else head.activation or "Identity", [whole], head.name, **attributes
    )


def _level(graph: _Graph, pixels: str, head: Head, stride: int) -> str:
    """What a head says of the cells of one stride."""
    channels = head.anchors * head.columns
    cells = graph.node("AveragePool", [pixels], kernel_shape=[stride] * 2, strides=[stride] * 2)
    said = graph.node("Conv", [cells, graph.noise(channels, 3, 1, 1), graph.noise(channels)])
    if head.form == "map":
        return said
    if head.form == "table":
        rows = graph.node("Transpose", [said], perm=[0, 2, 3, 1])
        return graph.node("Reshape", [rows, graph.constant([0, -1, head.columns])])
    if head.form == "decoded":
        said = graph.node("Add", [graph.node(head.activation, [said]), _middles(graph, said, head, stride)])
    shape = graph.node("Shape", [said])
    counts = [graph.node("Gather", [shape, graph.constant([axis])]) for axis in (0, 2, 3)]
    split = [graph.constant([head.anchors]), graph.constant([head.columns])]
    wanted = graph.node("Concat", [counts[0], *split, *counts[1:]], axis=0)
    grid = graph.node("Transpose", [graph.node("Reshape", [said, wanted])], perm=[0, 1, 3, 4, 2])
    return grid if head.form == "grid" else graph.node("Reshape", [grid, graph.constant([0, -1, head.columns])])


def _middles(graph: _Graph, cells: str, head: Head, stride: int) -> str:
    """A map that holds the middles of the cells in each anchor's first two channels, and zeros."""
    channels = head.anchors * head.columns
    nothing = graph.constant(np.zeros((1, channels, 1, 1)), np.float32)
    ones = graph.node("Conv", [cells, nothing, graph.constant([1], np.float32)])
    counted = [graph.node("CumSum", [ones, graph.constant(axis)]) for axis in (3, 2)]  # from the left, from the top
    places = np.zeros((channels, 2, 1, 1))
    places[0 :: head.columns, 0] = places[1 :: head.columns, 1] = stride
    first = np.tile([-stride / 2, -stride / 2, *[0] * (head.columns - 2)], head.anchors)
    weights = graph.constant(places, np.float32), graph.constant(first, np.float32)
    return graph.node("Conv", [graph.node("Concat", counted, axis=1), *weights])


def _vector(graph: _Graph, pixels: str, vector: Vector, side: int) -> None:
    kernel = side // _CELLS
    cells = graph.node("AveragePool", [pixels], kernel_shape=[kernel] * 2, strides=[kernel] * 2)
    flat = graph.node("Flatten", [cells])
    said = graph.node("Gemm", [flat, graph.noise(3 * _CELLS**2, vector.length), graph.noise(vector.length)])
    attributes = {"axis": -1} if vector.activation == "Softmax" else {}
    graph.node(vector.activation or "Identity", [said], vector.name, **attributes)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make an ONNX network with random weights, for tests.")
    parser.add_argument("signature", nargs="?", choices=sorted(SIGNATURES))
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=0, help="side of the input; default: the signature's own")
    parser.add_argument("--list", action="store_true", help="the signatures there are")
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(sorted(SIGNATURES)))
        return 0
    if asked.file is None:
        parser.error("a signature and a file are needed")
    asked.file.write_bytes(make_network(asked.signature, seed=asked.seed, size=asked.size).SerializeToString())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
