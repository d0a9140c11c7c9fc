from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vultus.detect.retinaface_priors import RetinaFacePriors
from vultus.errors import EngineError, IncompatibleGraph
from vultus.evaluate import noses
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image, InputSpec

SIZE = InputSpec(100, 70)  # 13 x 9, 7 x 5 and 4 x 3 cells: no multiple of the strides
PRIORS = 2 * (13 * 9 + 7 * 5 + 4 * 3)
NAME = "retinaface_mnet025_biubug6"
Face = tuple[float, list[float], list[list[float]]]


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: Sequence[NDArray[Any]]) -> None:
        self.spec = NetworkSpec("retinaface", SIZE, tuple(f"o{i}" for i in range(len(outputs))))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return tuple(self._outputs)


def blank() -> list[FloatArray]:
    """Boxes, probabilities and landmarks of a network that sees nothing."""
    return [np.zeros((1, PRIORS, columns), np.float32) for columns in (4, 2, 10)]


def noise(seed: int) -> list[FloatArray]:
    random = np.random.default_rng(seed)
    loc, conf, landms = (random.normal(0, 1, output.shape).astype(np.float32) for output in blank())
    return [loc, random.uniform(0, 1, conf.shape).astype(np.float32), landms]


def run(outputs: Sequence[FloatArray], threshold: float = 0.5, nms: float = 1) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return RetinaFacePriors(Fixed(outputs)).detect(canvas, threshold, nms, Ticket())


def published_decode(outputs: Outputs, threshold: float, width: int, height: int) -> list[Face]:
    """As in SSD: priors and boxes are computed in shares of the canvas, and only then made pixels."""
    loc, conf, landms = ({output.shape[-1]: output[0] for output in outputs}[columns] for columns in (4, 2, 10))
    faces = []
    index = -1
    for step, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for row in range(math.ceil(height / step)):
            for column in range(math.ceil(width / step)):
                for size in sizes:
                    index += 1
                    if conf[index, 1] <= threshold:
                        continue
                    x, y = (column + 0.5) * step / width, (row + 0.5) * step / height
                    across, down = size / width, size / height
                    dx, dy, dw, dh = map(float, loc[index])
                    middle = (x + dx * 0.1 * across, y + dy * 0.1 * down)
                    sides = (across * math.exp(dw * 0.2), down * math.exp(dh * 0.2))
                    left, top = middle[0] - sides[0] / 2, middle[1] - sides[1] / 2
                    box = [left * width, top * height, (left + sides[0]) * width, (top + sides[1]) * height]
                    marks = [
                        [(x + float(px) * 0.1 * across) * width, (y + float(py) * 0.1 * down) * height]
                        for px, py in landms[index].reshape(5, 2)
                    ]
                    faces.append((float(conf[index, 1]), box, marks))
    assert index + 1 == len(loc)
    return sorted(faces, key=lambda face: -face[0])


@pytest.mark.unit
def test_a_face_is_decoded_from_its_prior() -> None:
    loc, conf, landms = blank()
    index = 2 * (13 * 9 + 7 * 2 + 4) + 1  # stride 16, row 2, column 4, the larger: 128 x 128 around (72, 40)
    conf[0, index] = [0.25, 0.75]
    loc[0, index] = [1.25, -2.5, 5 * np.log(0.5), 0]
    landms[0, index] = [0, 0, 10, 0, 5, 5, 0, 10, 10, 10]
    found = run([loc, conf, landms])
    np.testing.assert_allclose(found.scores, [0.75])
    # Centre (72 + 16, 40 - 32), 64 wide and 128 high.
    np.testing.assert_allclose(found.boxes, [[56, -56, 120, 72]], rtol=1e-6)
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[0], [[72, 40], [200, 40], [136, 104], [72, 168], [200, 168]], rtol=1e-6)


@pytest.mark.unit
@pytest.mark.parametrize("seed", range(3))
def test_every_prior_is_decoded_as_published(check_same: Any, seed: int) -> None:
    outputs = noise(seed)
    check_same(run(outputs, 0.3), published_decode(tuple(outputs), 0.3, SIZE.width, SIZE.height))


@pytest.mark.unit
def test_boxes_are_suppressed(check_same: Any, keep_apart: Any) -> None:
    outputs = noise(7)
    everything = published_decode(tuple(outputs), 0.5, SIZE.width, SIZE.height)
    kept = keep_apart(everything, 0.4)
    assert 5 < len(kept) < len(everything)
    check_same(run(outputs, nms=0.4), kept)


@pytest.mark.unit
def test_order_and_names_of_outputs_do_not_matter() -> None:
    outputs = noise(1)
    for order in itertools.permutations(outputs):
        np.testing.assert_array_equal(run(order).boxes, run(outputs).boxes)


@pytest.mark.unit
def test_a_score_equal_to_the_threshold_does_not_count() -> None:
    loc, conf, landms = blank()
    conf[0, 5, 1] = 0.75
    assert len(run([loc, conf, landms], 0.75)) == 0
    assert len(run([loc, conf, landms], 0.7499)) == 1


@pytest.mark.unit
def test_scores_that_are_no_numbers_are_an_error() -> None:
    loc, conf, landms = blank()
    conf[0, 5, 1] = np.inf
    with pytest.raises(EngineError, match="not finite"):
        run([loc, conf, landms])


@pytest.mark.unit
@pytest.mark.parametrize("count", [2, 4, 9])
def test_a_graph_with_another_number_of_outputs_is_refused(count: int) -> None:
    with pytest.raises(IncompatibleGraph, match=f"{count} outputs"):
        RetinaFacePriors(Fixed([np.zeros(1)] * count))


@pytest.mark.unit
@pytest.mark.parametrize("place", range(3))
def test_outputs_of_another_shape_are_refused(place: int) -> None:
    outputs = blank()
    outputs[place] = outputs[place][:, :-1]
    with pytest.raises(IncompatibleGraph, match="100x70"):
        run(outputs)


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_faces_are_those_that_the_published_decoding_finds(compare_decoding: Any, runtime: str) -> None:
    ours, reference = compare_decoding(
        NAME, runtime, (640, 640), lambda outputs, threshold: published_decode(outputs, threshold, 640, 640)
    )
    # One face is found twice, by the original's decoding, too.
    assert ours == reference == noses.Hits(46, 46, 0, 1)


@pytest.mark.integration
def test_the_network_s_scores_are_probabilities(looks: Any) -> None:
    """They have been through the softmax, so that none is to be computed here."""
    _, _, outputs, _ = next(looks(NAME, "openvino", (640, 640)))
    conf = next(output for output in outputs if output.shape[-1] == 2)
    np.testing.assert_allclose(conf.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.integration
def test_landmarks_of_the_astronaut_are_where_they_are_seen(check_astronaut: Any) -> None:
    check_astronaut(NAME)


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_canvas_gives_the_same_alone_and_among_others(alone_and_among: Any, runtime: str) -> None:
    pairs = alone_and_among(NAME, runtime, (640, 640))
    assert sum(len(alone) for alone, _ in pairs) >= 4
    for alone, among in pairs:
        np.testing.assert_array_equal(alone.boxes, among.boxes)
        np.testing.assert_array_equal(alone.scores, among.scores)
        np.testing.assert_array_equal(alone.landmarks, among.landmarks)
