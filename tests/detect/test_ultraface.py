from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vultus.detect.ultraface import UltraFace
from vultus.errors import EngineError, IncompatibleGraph
from vultus.evaluate import noses
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue

NAME = "ultraface-rfb-320"
SIZE = InputSpec(320, 240)
Face = tuple[float, list[float], None]


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: Sequence[NDArray[Any]]) -> None:
        self.spec = NetworkSpec("ultraface", SIZE, tuple(f"o{i}" for i in range(len(outputs))))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return tuple(self._outputs)


def blank(rows: int = 6) -> list[FloatArray]:
    """Probabilities and boxes of a network that sees nothing."""
    return [np.zeros((1, rows, columns), np.float32) for columns in (2, 4)]


def run(outputs: Sequence[FloatArray], threshold: float = 0.5, nms: float = 0.4) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return UltraFace(Fixed(outputs)).detect(canvas, threshold, nms, Ticket())


def published_decode(outputs: Outputs, threshold: float) -> list[Face]:
    """The second score is that of a face; boxes are shares of the width and of the height."""
    scores, boxes = sorted((output[0] for output in outputs), key=lambda output: output.shape[1])
    return [
        (float(score), [float(left) * 320, float(top) * 240, float(right) * 320, float(bottom) * 240], None)
        for (_, score), (left, top, right, bottom) in zip(scores, boxes, strict=True)
        if score > threshold
    ]


@pytest.mark.unit
def test_boxes_are_shares_of_the_canvas() -> None:
    scores, boxes = blank()
    scores[0, 2] = [0.25, 0.75]
    boxes[0, 2] = [0.25, 0.5, 0.5, 1.25]
    scores[0, 4] = [0.9, 0.1]  # sure that there is no face
    for outputs in ([scores, boxes], [boxes, scores]):
        found = run(outputs)
        np.testing.assert_allclose(found.scores, [0.75])
        np.testing.assert_allclose(found.boxes, [[80, 120, 160, 300]])
        assert found.landmarks is None
    assert not UltraFace(Fixed([scores, boxes])).has_landmarks


@pytest.mark.unit
@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_decoded_and_suppressed(check_same: Any, keep_apart: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.uniform(0, 1, (1, 60, 2)).astype(np.float32)
    corners = random.uniform(0, 0.6, (1, 60, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.1, 0.5, (1, 60, 2))], axis=2).astype(np.float32)
    everything = published_decode((scores, boxes), 0.3)
    kept = keep_apart(everything, 0.4)
    assert 5 < len(kept) < len(everything)
    check_same(run([scores, boxes], 0.3), kept)


@pytest.mark.unit
def test_a_score_equal_to_the_threshold_does_not_count() -> None:
    scores, boxes = blank()
    scores[0, 0, 1] = 0.75
    assert len(run([scores, boxes], 0.75)) == 0
    assert len(run([scores, boxes], 0.7499)) == 1


@pytest.mark.unit
def test_scores_that_are_no_numbers_are_an_error() -> None:
    scores, boxes = blank()
    scores[0, 0, 1] = np.nan
    with pytest.raises(EngineError, match="not finite"):
        run([scores, boxes])


@pytest.mark.unit
@pytest.mark.parametrize("count", [1, 3, 9])
def test_a_graph_with_another_number_of_outputs_is_refused(count: int) -> None:
    with pytest.raises(IncompatibleGraph, match=f"{count} outputs"):
        UltraFace(Fixed([np.zeros(1)] * count))


@pytest.mark.unit
@pytest.mark.parametrize("outputs", [[blank(6)[0], blank(5)[1]], [blank()[0], blank()[0]], [blank()[1], blank()[1]]])
def test_outputs_of_another_shape_are_refused(outputs: list[FloatArray]) -> None:
    with pytest.raises(IncompatibleGraph, match="shapes"):
        run(outputs)


@pytest.mark.unit
def test_it_takes_no_other_size() -> None:
    model = Catalogue.load().model(NAME)
    assert not model.resizable
    assert (model.input.width, model.input.height) == (320, 240)


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_faces_are_those_that_the_published_decoding_finds(compare_decoding: Any, runtime: str) -> None:
    ours, reference = compare_decoding(NAME, runtime, (320, 240), published_decode)
    # One face is found twice, by the original's decoding, too.
    assert ours == reference == noses.Hits(46, 46, 0, 1)


@pytest.mark.integration
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_canvas_gives_the_same_alone_and_among_others(alone_and_among: Any, runtime: str) -> None:
    pairs = alone_and_among(NAME, runtime, (320, 240))
    assert sum(len(alone) for alone, _ in pairs) >= 4
    for alone, among in pairs:
        np.testing.assert_array_equal(alone.boxes, among.boxes)
        np.testing.assert_array_equal(alone.scores, among.scores)
