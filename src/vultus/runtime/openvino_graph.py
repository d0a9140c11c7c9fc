"""Graphs as OpenVINO runs them best: fed with pixels, and without what its kernels for CPUs are slow at.

None of it changes what is computed. What each change wins is measured by ``python -m benchmarks graphs``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Layout, Type
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from vultus.runtime.graph import per_channel
from vultus.types import InputSpec

LEAST_CHANNELS = 8
"""Input channels of a group from which on a grouped convolution fills the vectors of a CPU (AVX2: 8 floats)."""

LANES = 16
"""Output channels that a convolution computes together, needed or not (AVX-512: 16 floats)."""


def improve(graph: ov.Model) -> None:
    """Change what OpenVINO would be slow at. The graph's shapes have to be known."""
    fill_groups(graph)
    join_siblings(graph)


def take_pixels(graph: ov.Model, spec: InputSpec) -> ov.Model:
    """The graph with its input's normalisation and layout in front, which then takes RGB uint8 NHWC pixels.

    Args:
        graph: With the input ``spec`` tells of.
        spec: What is to be done to the pixels.
    """
    processor = PrePostProcessor(graph)
    processor.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    processor.input().model().set_layout(Layout(spec.layout.upper()))
    steps = processor.input().preprocess().convert_element_type(Type.f32)
    if spec.color == "bgr":
        steps.reverse_channels()
    # Not the processor's own mean() and scale(): OpenVINO then turns the pixels to NCHW first, and back for its
    # convolutions, which with scrfd_500m_bnkps at 640 x 544 took a tenth of the time.
    steps.custom(lambda pixels: _normalise(pixels, spec))
    return processor.build()


def fill_groups(graph: ov.Model) -> None:
    """Join neighbouring groups of convolutions until each has ``LEAST_CHANNELS``, with zeros for what was apart.

    OpenVINO has good kernels for one channel a group and for many. The two of the second convolution in InsightFace's
    MobileFaceNet (``w600k_mbf``) took a third of that network's time in bf16, a sixth in f32.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "GroupConvolution":
            continue
        weights = _constant(node.input_value(1))
        if weights is None or weights.ndim != 5 or (joined := _joined(weights)) is None:
            continue
        wider = ops.group_convolution(node.input_value(0), joined, *_slides(node))
        wider.set_friendly_name(node.get_friendly_name())
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(wider.output(0))


def join_siblings(graph: ov.Model) -> None:
    """Compute convolutions of the same input together where that takes fewer ``LANES``; their answers are then parted.

    A detector's heads are such: SCRFD's have 2, 8 and 20 channels for scores, boxes and points. Apart they compute 64
    lanes, together 32; with scrfd_500m_bnkps that was a seventh of the network's time.
    """
    families: defaultdict[tuple[object, ...], list[_Convolution]] = defaultdict(list)
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Convolution" and (found := _Convolution.of(node)):
            families[found.kin].append(found)
    for siblings in families.values():
        counts = [len(each.weights) for each in siblings]
        if _lanes(sum(counts)) < sum(map(_lanes, counts)):
            _compute_together(siblings, counts)


class _Convolution(NamedTuple):
    """A convolution with constant weights, and what is added to its answer.

    Attributes:
        node: The convolution.
        weights: ``(outputs, inputs, height, width)``.
        bias: ``(1, outputs, 1, 1)``.
        answers: The node's output and, where there is one, that of the addition.
    """

    node: ov.Node
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    answers: tuple[ov.Output, ...]

    @classmethod
    def of(cls, node: ov.Node) -> Self | None:
        """``None``: its weights are no constant, or it is of another kind than pictures have."""
        weights = _constant(node.input_value(1))
        if weights is None or weights.ndim != 4:
            return None
        shape = 1, len(weights), 1, 1
        users = [user for user in node.output(0).get_target_inputs() if user.get_node().get_type_name() != "ShapeOf"]
        if len(users) == 1 and users[0].get_node().get_type_name() == "Add":
            addition = users[0].get_node()
            bias = _constant(addition.input_value(1 - users[0].get_index()))
            if bias is not None and bias.shape == shape:
                return cls(node, weights, bias, (node.output(0), addition.output(0)))
        return cls(node, weights, np.zeros(shape, np.float32), (node.output(0),))

    @property
    def kin(self) -> tuple[object, ...]:
        """What convolutions have in common that can be computed together."""
        source = self.node.input_value(0)
        *slides, padding = _slides(self.node)
        return source.get_node().get_name(), source.get_index(), self.weights.shape[1:], *map(tuple, slides), padding


def _compute_together(siblings: Sequence[_Convolution], counts: Sequence[int]) -> None:
    node = siblings[0].node
    weights = np.concatenate([each.weights for each in siblings])
    whole = ops.convolution(node.input_value(0), weights, *_slides(node))
    biased = ops.add(whole, np.concatenate([each.bias for each in siblings], axis=1))
    parts = ops.variadic_split(biased, np.int64(1), np.array(counts, np.int64)).outputs()
    for each, part in zip(siblings, parts, strict=True):
        part.get_tensor().add_names(each.answers[-1].get_names())
        for answer in each.answers:
            for target in answer.get_target_inputs():
                target.replace_source_output(part)


def _slides(node: ov.Node) -> tuple[Any, ...]:
    """How a convolution goes over the picture, as ``ops.convolution`` wants it: strides, padding, dilations."""
    pads = node.get_pads_begin(), node.get_pads_end()
    return node.get_strides(), *pads, node.get_dilations(), node.get_auto_pad()


def _lanes(channels: int) -> int:
    return -(-channels // LANES) * LANES


def _joined(weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Weights ``(groups, outputs, inputs, height, width)`` of fewer groups; ``None``: they are well as they are."""
    groups, outputs, inputs, *kernel = weights.shape
    count = -(-LEAST_CHANNELS // inputs)
    if inputs == 1 or count == 1 or groups % count:
        return None
    joined = np.zeros((groups // count, count, outputs, count, inputs, *kernel), weights.dtype)
    for place in range(count):
        joined[:, place, :, place] = weights[place::count]
    return joined.reshape(groups // count, count * outputs, count * inputs, *kernel)


def _constant(value: ov.Output) -> NDArray[np.float32] | None:
    """What is known of a value before anything is computed: a constant's, if only another shape was given to it."""
    node = value.get_node()
    while node.get_type_name() == "Reshape":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant" or node.get_element_type() != Type.f32:
        return None
    constant: NDArray[np.float32] = node.get_data()
    return constant.reshape(list(value.get_shape()))


def _normalise(pixels: ov.Output, spec: InputSpec) -> ov.Output:
    """See ``InputSpec``."""
    if any(spec.mean):
        pixels = ops.subtract(pixels, per_channel(spec.mean)).output(0)
    if any(value != 1 for value in spec.std):
        pixels = ops.divide(pixels, per_channel(spec.std)).output(0)
    return _whiten(pixels, 3 * spec.width * spec.height) if spec.whiten else pixels


def _whiten(pixels: ov.Output, count: int) -> ov.Output:
    """See ``InputSpec.whiten``; ``count`` values a picture."""
    axes = np.array([1, 2, 3])
    centred = ops.subtract(pixels, ops.reduce_mean(pixels, axes, keep_dims=True))
    deviation = ops.sqrt(ops.reduce_mean(ops.multiply(centred, centred), axes, keep_dims=True))
    return ops.divide(centred, ops.maximum(deviation, np.float32(count**-0.5))).output(0)
