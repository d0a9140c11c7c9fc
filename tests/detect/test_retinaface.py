from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vultus.detect import DETECTOR_FAMILIES
from vultus.detect.retinaface import RetinaFace, RetinaFaceParameters
from vultus.errors import EngineError, IncompatibleGraph
from vultus.evaluate import noses
from vultus.runtime.network import NetworkSpec, Outputs, Parts
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue

SIZE = InputSpec(96, 64)  # 12 x 8, 6 x 4 and 3 x 2 cells
CHANNELS = {"cls_prob_reshape": 4, "bbox_pred": 8, "landmark_pred": 20}
LOADED = [
    ("retinaface_mnet025_v1", (512, 512), 1.0),  # as the file declares
    ("retinaface_mnet025_v1", (640, 640), 1.0),
    ("retinaface_mnet025_v2", (640, 640), 0.2),
]
Face = tuple[float, list[float], list[list[float]]]


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: Sequence[NDArray[Any]], size: InputSpec = SIZE) -> None:
        self.spec = NetworkSpec("retinaface", size, tuple(f"o{i}" for i in range(len(outputs))))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return tuple(self._outputs)


def blank(size: InputSpec = SIZE) -> dict[tuple[str, int], FloatArray]:
    """All outputs of a network that sees nothing, in the order of InsightFace's graphs."""
    return {
        (kind, stride): np.zeros((1, channels, -(-size.height // stride), -(-size.width // stride)), np.float32)
        for stride in (32, 16, 8)
        for kind, channels in CHANNELS.items()
    }


def noise(seed: int) -> dict[tuple[str, int], FloatArray]:
    random = np.random.default_rng(seed)
    outputs = {key: random.normal(0, 0.5, value.shape).astype(np.float32) for key, value in blank().items()}
    for stride in (32, 16, 8):
        outputs["cls_prob_reshape", stride] = random.uniform(0, 1, outputs["cls_prob_reshape", stride].shape).astype(
            "f"
        )
    return outputs


def run(
    outputs: dict[tuple[str, int], FloatArray], threshold: float = 0.5, std: float = 1.0, nms: float = 1
) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return RetinaFace(Fixed([*outputs.values()]), RetinaFaceParameters(std)).detect(canvas, threshold, nms, Ticket())


def published_anchors(stride: int) -> list[tuple[float, float, float, float]]:
    """The anchors of a stride's first cell, made as Faster R-CNN makes them: base box, ratios, then scales."""
    scales = {32: (32, 16), 16: (8, 4), 8: (2, 1)}[stride]
    x1, y1, x2, y2 = 0, 0, 15, 15
    made = []
    for ratio in (1.0,):
        area = (x2 - x1 + 1) * (y2 - y1 + 1)
        width = round(math.sqrt(area / ratio))
        height = round(width * ratio)
        middle_x, middle_y = x1 + 0.5 * (x2 - x1), y1 + 0.5 * (y2 - y1)
        for scale in scales:
            half_x, half_y = 0.5 * (width * scale - 1), 0.5 * (height * scale - 1)
            made.append((middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y))
    return made


def published_decode(
    outputs: dict[int, tuple[FloatArray, FloatArray, FloatArray]], threshold: float, std: float
) -> list[Face]:
    """Score, box and landmarks of each anchor above the threshold, one number after the other; not in order."""
    faces = []
    for stride, (scores, deltas, points) in outputs.items():
        for place, anchor in enumerate(published_anchors(stride)):
            for row, column in np.argwhere(scores[2 + place] > threshold):
                left, right = anchor[0] + column * stride, anchor[2] + column * stride
                top, bottom = anchor[1] + row * stride, anchor[3] + row * stride
                width, height = right - left + 1, bottom - top + 1
                x, y = left + 0.5 * (width - 1), top + 0.5 * (height - 1)
                dx, dy, dw, dh = (float(deltas[4 * place + k, row, column]) for k in range(4))
                new_width, new_height = math.exp(dw) * width, math.exp(dh) * height
                new_x, new_y = dx * width + x, dy * height + y
                box = [new_x - 0.5 * (new_width - 1), new_y - 0.5 * (new_height - 1)]
                box += [new_x + 0.5 * (new_width - 1), new_y + 0.5 * (new_height - 1)]
                marks = [
                    [
                        float(points[10 * place + 2 * k, row, column]) * std * width + x,
                        float(points[10 * place + 2 * k + 1, row, column]) * std * height + y,
                    ]
                    for k in range(5)
                ]
                faces.append((float(scores[2 + place, row, column]), box, marks))
    return sorted(faces, key=lambda face: -face[0])


def by_stride(outputs: dict[tuple[str, int], FloatArray]) -> dict[int, tuple[FloatArray, FloatArray, FloatArray]]:
    cls, box, points = ({s: outputs[kind, s][0] for s in (32, 16, 8)} for kind in CHANNELS)
    return {s: (cls[s], box[s], points[s]) for s in (32, 16, 8)}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("stride", "anchors"),
    [
        (32, [(-248, -248, 263, 263), (-120, -120, 135, 135)]),
        (16, [(-56, -56, 71, 71), (-24, -24, 39, 39)]),
        (8, [(-8, -8, 23, 23), (0, 0, 15, 15)]),
    ],
)
def test_the_reference_makes_the_anchors_that_ports_of_retinaface_list(stride: int, anchors: list[Any]) -> None:
    assert published_anchors(stride) == anchors


@pytest.mark.unit
def test_a_face_is_decoded_from_its_anchor() -> None:
    outputs = blank()
    # Stride 16, column 4, row 2, second anchor: 64 x 64 around (71.5, 39.5).
    outputs["cls_prob_reshape", 16][0, 3, 2, 4] = 0.75
    outputs["bbox_pred", 16][0, 4:, 2, 4] = [0.25, -0.125, np.log(0.5), 0]
    outputs["landmark_pred", 16][0, 10:, 2, 4] = [0, 0, 0.25, 0, 0.125, 0.5, 0, 1, 0.25, 1]
    found = run(outputs)
    np.testing.assert_allclose(found.scores, [0.75])
    # Centre (87.5, 31.5), 32 x 64 pixels, of which the last still belongs to the box.
    np.testing.assert_allclose(found.boxes, [[72, 0, 103, 63]], rtol=1e-6)
    assert found.landmarks is not None
    marks = [[71.5, 39.5], [87.5, 39.5], [79.5, 71.5], [71.5, 103.5], [87.5, 103.5]]
    np.testing.assert_allclose(found.landmarks[0], marks)


@pytest.mark.unit
@pytest.mark.parametrize("std", [1.0, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_every_anchor_is_decoded_as_published(check_same: Any, seed: int, std: float) -> None:
    outputs = noise(seed)
    check_same(run(outputs, 0.3, std), published_decode(by_stride(outputs), 0.3, std))


@pytest.mark.unit
def test_boxes_are_suppressed_as_published(check_same: Any, keep_apart: Any) -> None:
    outputs = noise(7)
    everything = published_decode(by_stride(outputs), 0.5, 1.0)
    kept = keep_apart(everything, 0.4)
    assert 5 < len(kept) < len(everything)
    check_same(run(outputs, 0.5, nms=0.4), kept)


@pytest.mark.unit
def test_order_and_names_of_outputs_do_not_matter() -> None:
    outputs = noise(1)
    expected = run(outputs)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(9)
        found = run({list(outputs)[i]: list(outputs.values())[i] for i in order})
        np.testing.assert_array_equal(found.boxes, expected.boxes)


@pytest.mark.unit
def test_a_head_that_tells_masks_changes_nothing() -> None:
    outputs = noise(2)
    expected = run(outputs)
    types = {
        ("type_prob_reshape", s): np.ones((1, 6, SIZE.height // s, SIZE.width // s), np.float32) for s in (32, 16, 8)
    }
    np.testing.assert_array_equal(run(outputs | types).boxes, expected.boxes)


@pytest.mark.unit
def test_a_canvas_need_not_be_a_multiple_of_the_strides() -> None:
    size = InputSpec(100, 70)
    outputs = blank(size)
    outputs["cls_prob_reshape", 8][0, 3, 8, 12] = 0.9  # the last cell, which begins at (96, 64)
    network = Fixed([*outputs.values()], size)
    found = RetinaFace(network, RetinaFaceParameters()).detect(np.zeros((70, 100, 3), np.uint8), 0.5, 0.4, Ticket())
    np.testing.assert_allclose(found.boxes, [[96, 64, 111, 79]])


@pytest.mark.unit
def test_a_score_equal_to_the_threshold_does_not_count() -> None:
    outputs = blank()
    outputs["cls_prob_reshape", 8][0, 2, 0, 0] = 0.75
    assert len(run(outputs, 0.75)) == 0
    assert len(run(outputs, 0.7499)) == 1


@pytest.mark.unit
def test_scores_that_are_no_numbers_are_an_error() -> None:
    outputs = blank()
    outputs["cls_prob_reshape", 32][0, 2, 0, 0] = np.nan
    with pytest.raises(EngineError, match="not finite"):
        run(outputs)


@pytest.mark.unit
@pytest.mark.parametrize("count", [3, 8, 10])
def test_a_graph_with_another_number_of_outputs_is_refused(count: int) -> None:
    with pytest.raises(IncompatibleGraph, match=f"{count} outputs"):
        RetinaFace(Fixed([np.zeros(1)] * count), RetinaFaceParameters())


@pytest.mark.unit
def test_outputs_of_another_shape_are_refused() -> None:
    outputs = blank()
    outputs["bbox_pred", 16] = outputs["bbox_pred", 16][..., :-1]
    with pytest.raises(IncompatibleGraph, match="shapes"):
        run(outputs)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("retinaface_r50_v1", 1.0),
        ("retinaface_mnet025_v1", 1.0),
        ("retinaface_mnet025_v2", 0.2),
        ("mnet_cov2", 0.2),
    ],
)
def test_the_catalogue_knows_the_unit_of_each_network_s_landmarks(check_same: Any, name: str, std: float) -> None:
    model = Catalogue.load().model(name)
    outputs = noise(4)
    parts = Parts(model, lambda name, size: Fixed([*outputs.values()]))
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    found = DETECTOR_FAMILIES[model.family](parts).detect(canvas, 0.5, 1, Ticket())
    check_same(found, published_decode(by_stride(outputs), 0.5, std))


@pytest.mark.integration
@pytest.mark.parametrize(("name", "size", "std"), LOADED)
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_faces_are_those_that_the_published_decoding_finds(
    compare_decoding: Any, name: str, size: tuple[int, int], std: float, runtime: str
) -> None:
    def decode(outputs: Outputs, threshold: float) -> list[Face]:
        levels = {}
        for stride in (32, 16, 8):
            kinds = {output.shape[1]: output[0] for output in outputs if output.shape[2] == size[1] // stride}
            levels[stride] = (kinds[4], kinds[8], kinds[20])
        return published_decode(levels, threshold, std)

    ours, reference = compare_decoding(name, runtime, size, decode)
    assert ours == reference == noses.Hits(46, 46, 0, 0)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["retinaface_mnet025_v1", "retinaface_mnet025_v2"])
def test_landmarks_of_the_astronaut_are_where_they_are_seen(check_astronaut: Any, name: str) -> None:
    check_astronaut(name)


@pytest.mark.integration
@pytest.mark.parametrize(("name", "size", "std"), LOADED)
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_canvas_gives_the_same_alone_and_among_others(
    alone_and_among: Any, name: str, size: tuple[int, int], std: float, runtime: str
) -> None:
    pairs = alone_and_among(name, runtime, size)
    assert sum(len(alone) for alone, _ in pairs) >= 4
    for alone, among in pairs:
        np.testing.assert_array_equal(alone.boxes, among.boxes)
        np.testing.assert_array_equal(alone.scores, among.scores)
        np.testing.assert_array_equal(alone.landmarks, among.landmarks)
