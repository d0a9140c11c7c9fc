from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.detect.published import Face, Fixed, check, miss, same, suppressed, tally

from vultus.detect.centerface import CenterFace
from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, InputSpec
from vultus.zoo.catalogue import Catalogue

SIZE = InputSpec(96, 64)  # 24 x 16 cells


def blank() -> list[FloatArray]:
    """Heat, size, offset and landmarks of a network that sees nothing."""
    return [np.zeros((1, channels, 16, 24), np.float32) for channels in (1, 2, 2, 10)]


def noise(seed: int) -> list[FloatArray]:
    random = np.random.default_rng(seed)
    heat, *others = blank()
    heat[:] = random.uniform(0, 1, heat.shape)
    return [heat, *(random.normal(0.5, 1, other.shape).astype(np.float32) for other in others)]


def run(outputs: list[FloatArray], threshold: float = 0.5, nms_threshold: float = 1) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return CenterFace(Fixed(outputs, SIZE)).detect(canvas, threshold, nms_threshold, Ticket())


def published(outputs: Outputs | list[FloatArray], width: int, height: int, threshold: float) -> list[Face]:
    """What CenterFace's own code and InsightFace-REST make of the outputs, one number after the other."""
    heat, size, offset, points = (output[0].astype(float) for output in outputs)
    faces = []
    for y in range(heat.shape[1]):
        for x in range(heat.shape[2]):
            if heat[0, y, x] <= threshold:
                continue
            tall, wide = math.exp(size[0, y, x]) * 4, math.exp(size[1, y, x]) * 4
            left = (x + offset[1, y, x] + 0.5) * 4 - wide / 2
            top = (y + offset[0, y, x] + 0.5) * 4 - tall / 2
            left, top = min(max(0.0, left), width), min(max(0.0, top), height)
            box = [left, top, min(left + wide, width), min(top + tall, height)]
            marks = [
                [points[2 * k + 1, y, x] * wide + left, points[2 * k, y, x] * tall + top] for k in range(5)
            ]  # the vertical comes first
            faces.append(Face(heat[0, y, x], box, marks))
    return faces


@pytest.mark.unit
def test_a_face_is_decoded_from_its_cell() -> None:
    heat, size, offset, points = outputs = blank()
    heat[0, 0, 8, 10] = 0.75
    size[0, :, 8, 10] = np.log([5, 4])  # 20 high, 16 wide
    offset[0, :, 8, 10] = [0.25, -0.25]
    points[0, :, 8, 10] = [0.25, 0.25, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25, 0.75, 0.75]
    found = run(outputs)
    np.testing.assert_allclose(found.scores, [0.75])
    # Centre (10 - 0.25 + 0.5, 8 + 0.25 + 0.5) * 4 = (41, 35).
    np.testing.assert_allclose(found.boxes, [[33, 25, 49, 45]], rtol=1e-6)
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[0], [[37, 30], [45, 30], [41, 35], [37, 40], [45, 40]], rtol=1e-6)


@pytest.mark.unit
def test_a_box_beyond_the_edge_is_brought_into_the_canvas() -> None:
    heat, size, _, _ = outputs = blank()
    heat[0, 0, 0, 0] = heat[0, 0, 15, 23] = 0.9
    size[:] = math.log(4)  # 16 x 16 around (2, 2) and (94, 62)
    np.testing.assert_allclose(sorted(run(outputs).boxes.tolist()), [[0, 0, 16, 16], [86, 54, 96, 64]], rtol=1e-6)


@pytest.mark.unit
@pytest.mark.parametrize("seed", range(3))
def test_every_cell_is_decoded_as_published(seed: int) -> None:
    outputs = noise(seed)
    expected = published(outputs, 96, 64, 0.3)
    assert len(expected) > 100
    check(run(outputs, 0.3), suppressed(expected, 1))


@pytest.mark.unit
@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_suppressed_as_published(seed: int) -> None:
    outputs = noise(seed)
    everything = published(outputs, 96, 64, 0.5)
    expected = suppressed(everything, 0.3)
    assert 5 < len(expected) < len(everything)
    check(run(outputs, 0.5, 0.3), expected)


@pytest.mark.unit
def test_nothing_is_found_where_nothing_is() -> None:
    check(run(blank()), [])


@pytest.mark.unit
def test_a_score_equal_to_the_threshold_does_not_count() -> None:
    outputs = blank()
    outputs[0][0, 0, 3, 3] = 0.75
    assert len(run(outputs, 0.75)) == 0
    assert len(run(outputs, 0.7499)) == 1


@pytest.mark.unit
def test_scores_that_are_no_numbers_are_an_error() -> None:
    outputs = blank()
    outputs[0][0, 0, 3, 3] = np.nan
    with pytest.raises(EngineError, match="not finite"):
        run(outputs)


@pytest.mark.unit
@pytest.mark.parametrize("left_out", range(4))
def test_a_graph_that_lacks_an_output_is_refused(left_out: int) -> None:
    outputs = blank()
    del outputs[left_out]
    with pytest.raises(IncompatibleGraph, match="answers with shapes"):
        run(outputs)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["centerface", "centerface_bnmerged"])
def test_the_catalogue_feeds_it_as_published(name: str) -> None:
    model = Catalogue.load().model(name)
    assert model.input == InputSpec(640, 640, mean=(0, 0, 0), std=(1, 1, 1), color="rgb")
    assert model.nms_threshold == 0.3


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_real_faces_are_those_that_the_published_decoding_finds(looks: Any, runtime: str) -> None:
    seen = list(looks("centerface", runtime, (640, 640), 0.5, 0.3))
    for _, _, outputs, found in seen:
        check(found, suppressed(published(outputs, 640, 640, 0.5), 0.3))
    assert tally(iter(seen)) == (46, 46, 1, 0)  # crossed axes on a wall


@pytest.mark.integration
@pytest.mark.parametrize("size", [(640, 640), (640, 480)])
def test_both_runtimes_find_the_same_at_sizes_the_file_does_not_declare(looks: Any, size: tuple[int, int]) -> None:
    pairs = zip(looks("centerface", "openvino", size), looks("centerface", "onnx", size), strict=True)
    misses = []
    for (photograph, canvas, _, ours), (_, _, _, theirs) in pairs:
        same(ours, theirs, 0.05)
        misses += miss(ours, canvas, photograph)
    assert len(misses) >= 46
    assert np.median(misses) < 0.125


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_canvas_gives_the_same_alone_and_among_others(alone_and_among: Any, runtime: str) -> None:
    pairs = alone_and_among("centerface", runtime, (640, 640))
    assert sum(len(alone) for alone, _ in pairs) >= 4
    for alone, among in pairs:
        np.testing.assert_array_equal(alone.boxes, among.boxes)
        np.testing.assert_array_equal(alone.scores, among.scores)
        np.testing.assert_array_equal(alone.landmarks, among.landmarks)
