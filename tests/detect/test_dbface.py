from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from tests.detect.published import Face, Fixed, check, suppressed

from vultus.detect.dbface import DBFace
from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, InputSpec
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

SIZE = InputSpec(96, 64)  # 24 x 16 cells


def blank(size: InputSpec = SIZE) -> list[FloatArray]:
    """Heat, sides and landmarks of a network that sees nothing."""
    return [np.zeros((1, channels, size.height // 4, size.width // 4), np.float32) for channels in (1, 4, 10)]


def noise(seed: int, size: InputSpec = SIZE) -> list[FloatArray]:
    random = np.random.default_rng(seed)
    heat, sides, points = blank(size)
    heat[:] = random.uniform(0, 1, heat.shape)
    sides[:] = np.exp(random.normal(0.5, 0.5, sides.shape))
    points[:] = random.normal(0, 0.4, points.shape)
    return [heat, sides, points]


def run(
    outputs: list[FloatArray], threshold: float = 0.5, nms_threshold: float = 1, size: InputSpec = SIZE
) -> Detection:
    canvas = np.zeros((size.height, size.width, 3), np.uint8)
    return DBFace(Fixed(outputs, size)).detect(canvas, threshold, nms_threshold, Ticket())


def published_exp(value: float) -> float:
    if abs(value) < 1:
        return value * math.e
    return math.exp(value) if value > 0 else -math.exp(-value)


def published(outputs: list[FloatArray], threshold: float) -> list[Face]:
    """What DBFace's own code and InsightFace-REST make of the outputs, one number after the other."""
    heat, sides, points = (output[0].astype(float) for output in outputs)
    _, rows, columns = heat.shape
    faces = []
    for y, x in itertools.product(range(rows), range(columns)):
        around = heat[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        if heat[0, y, x] <= threshold or heat[0, y, x] < around.max():
            continue
        left, top, right, bottom = sides[:, y, x]
        box = [(x - left) * 4, (y - top) * 4, (x + right) * 4, (y + bottom) * 4]
        marks = [
            [
                (published_exp(4 * points[k, y, x]) + x) * 4,
                (published_exp(4 * points[k + 5, y, x]) + y) * 4,
            ]
            for k in range(5)
        ]
        faces.append(Face(heat[0, y, x], box, marks))
    return sorted(faces, key=lambda face: -face.score)[:1000]


def test_a_face_is_decoded_from_its_cell() -> None:
    heat, sides, points = outputs = blank()
    heat[0, 0, 8, 10] = 0.75
    sides[0, :, 8, 10] = [1, 2, 3, 4]
    points[0, :5, 8, 10] = [-0.125, 0.125, 0, -0.25, 0.5]  # across
    points[0, 5:, 8, 10] = [0, 0, 0, 0.25, 0.5]  # down
    found = run(outputs)
    np.testing.assert_allclose(found.scores, [0.75])
    np.testing.assert_allclose(found.boxes, [[36, 24, 52, 48]])
    assert found.landmarks is not None
    # Straight below 1 / 4 (times e), exponential from there: e at 1 / 4, e squared at 1 / 2.
    half, whole, square = 4 * math.e / 2, 4 * math.e, 4 * math.e**2
    expected = [[40 - half, 32], [40 + half, 32], [40, 32], [40 - whole, 32 + whole], [40 + square, 32 + square]]
    np.testing.assert_allclose(found.landmarks[0], np.array(expected), rtol=1e-6)


def test_only_peaks_are_faces_the_edges_of_the_map_included() -> None:
    heat, _, _ = outputs = blank()
    heat[0, 0, 5:8, 5:8] = 0.6
    heat[0, 0, 6, 6] = 0.9
    heat[0, 0, 0, 0] = heat[0, 0, 15, 23] = 0.7
    np.testing.assert_array_equal(
        run(outputs).boxes, [[24, 24, 24, 24], [0, 0, 0, 0], [92, 60, 92, 60]]
    )  # boxes without extent: their cells' corners


@pytest.mark.parametrize("seed", range(3))
def test_every_peak_is_decoded_as_published(seed: int) -> None:
    outputs = noise(seed)
    expected = published(outputs, 0.3)
    assert len(expected) > 20
    check(run(outputs, 0.3), expected)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_suppressed_as_published(seed: int) -> None:
    outputs = noise(seed)
    everything = published(outputs, 0.3)
    expected = suppressed(everything, 0.1)
    assert 5 < len(expected) < len(everything)
    check(run(outputs, 0.3, 0.1), expected)


def test_a_thousand_peaks_are_enough() -> None:
    size = InputSpec(512, 512)
    outputs = noise(0, size)
    found = run(outputs, 0.1, 1, size)
    assert len(found) == 1000
    np.testing.assert_allclose(found.scores, [face.score for face in published(outputs, 0.1)])


def test_order_of_outputs_does_not_matter() -> None:
    outputs = noise(1)
    for order in itertools.permutations(outputs):
        np.testing.assert_array_equal(run(list(order)).boxes, run(outputs).boxes)


def test_nothing_is_found_where_nothing_is() -> None:
    check(run(blank()), [])


def test_scores_that_are_no_numbers_are_an_error() -> None:
    outputs = blank()
    outputs[0][0, 0, 3, 3] = np.nan
    with pytest.raises(EngineError, match="not finite"):
        run(outputs)


@pytest.mark.parametrize("left_out", range(3))
def test_a_graph_that_lacks_an_output_is_refused(left_out: int) -> None:
    outputs = blank()
    del outputs[left_out]
    with pytest.raises(IncompatibleGraph, match="answers with shapes"):
        run(outputs)


def test_the_catalogue_feeds_it_as_published() -> None:
    """DBFace's main.py has these for pixels from 0 to 1."""
    model = Catalogue.load().model("dbface")
    assert model.input.color == "bgr"
    np.testing.assert_allclose(np.divide(model.input.mean, 255), [0.408, 0.447, 0.47])
    np.testing.assert_allclose(np.divide(model.input.std, 255), [0.289, 0.274, 0.278])
    assert model.nms_threshold == 0.45
