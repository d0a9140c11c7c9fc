"""Networks with random weights in the shape of SCRFD-10G and IResNet-50: the same work, and answers that are lawful.

Depths and widths are those of InsightFace's networks: SCRFD (Guo et al., 2021, arXiv:2105.04714), whose network of 10
GF has residual stages of 3, 4, 2 and 3 blocks, a feature pyramid of 56 channels and heads of three convolutions of 80;
and ArcFace (Deng et al., 2019, arXiv:1801.07698), whose ResNet-50 has stages of 3, 4, 14 and 3 blocks of 64 to 512
channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vultus.imaging.align import ARCFACE_TEMPLATE

CELL = 32
"""Pixels: a white cell of the detector's coarsest grid is a face, whose box reaches a cell's length to each side."""

STRIDES = (8, 16, CELL)
_RESIDUAL = 0.1  # gain of what is added to a shortcut: keeps the values within fp16 through all blocks
_FAINT = 1e-4  # of what the random layers say: all of it is computed, and none of it decides
_SURE = 20.0  # logit


@dataclass
class _Layers:
    """A graph as it grows; remembers how many channels each value has."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, inputs: list[str], channels: int, output: str = "", **options: Any) -> str:  # noqa: ANN401
        """Add an operator; returns the name of its output."""
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **options))
        self.channels[name] = channels
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """Add a tensor; returns its name."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(
        self,
        taken: str,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        gain: float = 1.0,
        bias: NDArray[np.float32] | None = None,
    ) -> str:
        """Add a convolution whose answers are about as large as what it takes."""
        before = self.channels[taken]
        shape = (channels, before, kernel, kernel)
        weights = self.random.standard_normal(shape, np.float32) * np.float32(gain * (2 / (before * kernel**2)) ** 0.5)
        inputs = [taken, self.constant(weights)] + ([] if bias is None else [self.constant(bias)])
        pads = [kernel // 2] * 4
        return self.add("Conv", inputs, channels, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads)

    def relu(self, taken: str) -> str:
        """Add a ReLU."""
        return self.add("Relu", [taken], self.channels[taken])

    def prelu(self, taken: str) -> str:
        """Add a PReLU."""
        slopes = self.constant(np.full((self.channels[taken], 1, 1), 0.25, np.float32))
        return self.add("PRelu", [taken, slopes], self.channels[taken])

    def plus(self, one: str, other: str) -> str:
        """Add a sum."""
        return self.add("Add", [one, other], self.channels[one])

    def shortcut(self, taken: str, channels: int, stride: int) -> str:
        """What goes past a block."""
        if stride == 1 and self.channels[taken] == channels:
            return taken
        return self.conv(taken, channels, 1, stride, 0.5**0.5)

    def finish(self, size: int | None, outputs: dict[str, list[int | str | None]]) -> bytes:
        """The network's file."""
        given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, size, size])
        told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        graph = helper.make_graph(self.nodes, "random", [given], told, self.weights)
        content: bytes = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
        ).SerializeToString()
        return content


def scrfd_10g(width: float = 1.0, seed: int = 1) -> bytes:
    """A detector in the shape of SCRFD-10G with key points, for inputs of any size; normalise by mean 127.5, std 128.

    Args:
        width: Part of the channels, for tests.
        seed: The same makes the same network.
    """
    layers = _Layers(np.random.default_rng(seed), channels={"pixels": 3})

    def wide(channels: int) -> int:
        return max(2, round(channels * width))

    last = "pixels"
    for channels, stride in ((28, 2), (28, 1), (56, 1)):
        last = layers.relu(layers.conv(last, wide(channels), stride=stride))
    last = layers.add("MaxPool", [last], layers.channels[last], kernel_shape=[2, 2], strides=[2, 2])
    levels = []
    for stage, (blocks, channels) in enumerate(((3, 56), (4, 88), (2, 88), (3, 224))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            inner = layers.relu(layers.conv(last, wide(channels), stride=stride))
            added = layers.conv(inner, wide(channels), gain=_RESIDUAL)
            last = layers.relu(layers.plus(layers.shortcut(last, wide(channels), stride), added))
        levels.append(last)
    outputs: dict[str, list[int | str | None]] = {}
    for level, stride in zip(_pyramid(layers, levels[1:], wide(56)), STRIDES, strict=True):
        outputs |= _head(layers, level, stride, wide(80))
    ordered = {
        f"{kind}_{stride}": outputs[f"{kind}_{stride}"] for kind in ("score", "bbox", "kps") for stride in STRIDES
    }
    return layers.finish(None, ordered)


def _pyramid(layers: _Layers, levels: list[str], channels: int) -> list[str]:
    """The path aggregation network: down from coarse to fine, and up again."""
    down = [layers.conv(level, channels, 1) for level in levels]
    scales = layers.constant(np.array([1, 1, 2, 2], np.float32))
    for index in (1, 0):
        larger = layers.add("Resize", [down[index + 1], "", scales], channels, mode="nearest")
        down[index] = layers.plus(down[index], larger)
    up = [layers.conv(level, channels) for level in down]
    for index in (1, 2):
        up[index] = layers.plus(up[index], layers.conv(up[index - 1], channels, stride=2))
    return [up[0], *(layers.conv(level, channels) for level in up[1:])]


def _head(layers: _Layers, level: str, stride: int, channels: int) -> dict[str, list[int | str | None]]:
    """Scores, distances and key points of two anchors a cell; returns the outputs' shapes."""
    last = level
    for _ in range(3):
        last = layers.relu(layers.conv(last, channels))
    points = np.tile((ARCFACE_TEMPLATE / 56 - 1).ravel(), 2).astype(np.float32)
    score = layers.conv(last, 2, gain=_FAINT, bias=np.full(2, -_SURE, np.float32))
    if stride == CELL:
        bright = layers.add("AveragePool", ["pixels"], 3, kernel_shape=[CELL] * 2, strides=[CELL] * 2)
        weights = np.array([[1], [0]], np.float32) * np.full(3, 2 * _SURE / 3, np.float32)
        seen = layers.add("Conv", [bright, layers.constant(weights[:, :, None, None])], 2)
        score = layers.plus(score, seen)
    kinds = {
        "score": (layers.add("Sigmoid", [score], 2), 1),
        "bbox": (layers.conv(last, 8, gain=_FAINT, bias=np.ones(8, np.float32)), 4),
        "kps": (layers.conv(last, 20, gain=_FAINT, bias=points), 10),
    }
    for kind, (maps, columns) in kinds.items():
        rows = layers.add("Transpose", [maps], 0, perm=[0, 2, 3, 1])
        shape = layers.constant(np.array([0, -1, columns], np.int64))
        layers.add("Reshape", [rows, shape], 0, f"{kind}_{stride}")
    return {f"{kind}_{stride}": ["n", None, columns] for kind, (_, columns) in kinds.items()}


def iresnet50(width: float = 1.0, seed: int = 1) -> bytes:
    """An embedder in the shape of ArcFace's ResNet-50: 112 x 112 to 512 numbers; mean 127.5, std 127.5.

    Args:
        width: Part of the channels, for tests.
        seed: The same makes the same network.
    """
    layers = _Layers(np.random.default_rng(seed), channels={"pixels": 3})
    last = layers.prelu(layers.conv("pixels", max(2, round(64 * width))))
    for blocks, usual in ((3, 64), (4, 128), (14, 256), (3, 512)):
        channels = max(2, round(usual * width))
        for block in range(blocks):
            stride = 1 if block else 2
            before = layers.channels[last]
            unit = [layers.constant(np.full(before, value, np.float32)) for value in (1, 0, 0, 1)]
            normal = layers.add("BatchNormalization", [last, *unit], before)
            inner = layers.prelu(layers.conv(normal, channels))
            added = layers.conv(inner, channels, stride=stride, gain=_RESIDUAL)
            last = layers.plus(layers.shortcut(last, channels, stride), added)
    values = layers.channels[last] * 7 * 7
    flat = layers.add("Flatten", [last], values, axis=1)
    weights = layers.random.standard_normal((values, 512), np.float32) * np.float32(values**-0.5)
    layers.add("Gemm", [flat, layers.constant(weights)], 512, "embedding")
    return layers.finish(112, {"embedding": ["n", 512]})
