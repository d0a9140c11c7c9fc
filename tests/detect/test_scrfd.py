from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from skimage import data as photographs

from vultus.detect.scrfd import Scrfd
from vultus.errors import EngineError, IncompatibleGraph
from vultus.imaging.canvas import lay_on_canvas
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import CanvasRule, Detection, FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue

SIZE = InputSpec(64, 96)  # so small that every number below can be checked by hand


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: Sequence[FloatArray], names: Sequence[str] | None = None) -> None:
        self.spec = NetworkSpec("scrfd", SIZE, tuple(names or (f"o{i}" for i in range(len(outputs)))))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        assert batch.shape == (1, SIZE.height, SIZE.width, 3)
        return tuple(self._outputs)


def blank(strides: Sequence[int], anchors: int, points: bool = True) -> list[FloatArray]:
    """All outputs of a network that sees nothing: scores by stride, then boxes, then key points."""
    rows = [(SIZE.height // s) * (SIZE.width // s) * anchors for s in strides]
    return [np.zeros((1, n, c), np.float32) for c in ((1, 4, 10) if points else (1, 4)) for n in rows]


def run(outputs: Sequence[FloatArray], threshold: float = 0.5) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return Scrfd(Fixed(outputs)).detect(canvas, threshold, 0.4, Ticket())


def one_face() -> list[FloatArray]:
    """Stride 16, second anchor of the cell in column 3, row 2: 4 columns, so row 2 * (2 * 4 + 3) + 1 = 23."""
    outputs = blank((8, 16, 32), 2)
    outputs[1][0, 23, 0] = 0.75
    outputs[4][0, 23] = [0.5, 1, 1.5, 2]
    outputs[7][0, 23] = [0, 0, 0.25, 0, 0.125, 0.5, 0, 1, 0.25, 1]
    return outputs


@pytest.mark.unit
def test_a_face_is_decoded_from_its_anchor_point() -> None:
    found = run(one_face())
    np.testing.assert_allclose(found.scores, [0.75])
    # The point is (48, 32); left, top, right and bottom are half, one, one and a half, two strides away.
    np.testing.assert_allclose(found.boxes, [[40, 16, 72, 64]])
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[0], [[48, 32], [52, 32], [50, 40], [48, 48], [52, 48]])


@pytest.mark.unit
def test_order_and_names_of_outputs_do_not_matter() -> None:
    outputs = one_face()
    for order in itertools.islice(itertools.permutations(range(9)), 0, None, 9973):
        found = run([outputs[i] for i in order])
        np.testing.assert_allclose(found.boxes, [[40, 16, 72, 64]])


@pytest.mark.unit
def test_a_missing_batch_axis_does_not_matter() -> None:
    np.testing.assert_allclose(run([output[0] for output in one_face()]).boxes, [[40, 16, 72, 64]])


@pytest.mark.unit
def test_an_export_without_key_points_has_no_landmarks() -> None:
    found = run(one_face()[:6])
    assert found.landmarks is None
    np.testing.assert_allclose(found.boxes, [[40, 16, 72, 64]])
    assert not Scrfd(Fixed(one_face()[:6])).has_landmarks
    assert Scrfd(Fixed(one_face())).has_landmarks


@pytest.mark.unit
def test_five_strides_have_one_anchor_a_cell() -> None:
    strides = (8, 16, 32, 64, 128)
    shape = InputSpec(128, 256)
    rows = [(shape.height // s) * (shape.width // s) for s in strides]
    outputs = [np.zeros((1, n, c), np.float32) for c in (1, 4, 10) for n in rows]
    outputs[3][0, 5, 0] = 0.9  # stride 64, 2 columns: column 1, row 2
    outputs[8][0, 5] = 0.5
    network = Fixed(outputs)
    network.spec = NetworkSpec("scrfd", shape, network.spec.outputs)
    network.run = lambda batch, ticket: tuple(outputs)  # type: ignore[method-assign]
    found = Scrfd(network).detect(np.zeros((256, 128, 3), np.uint8), 0.5, 0.4, Ticket())
    np.testing.assert_allclose(found.boxes, [[32, 96, 96, 160]])


@pytest.mark.unit
def test_a_score_equal_to_the_threshold_does_not_count() -> None:
    assert len(run(one_face(), threshold=0.75)) == 0
    assert len(run(one_face(), threshold=0.7499)) == 1


@pytest.mark.unit
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_an_error_not_an_empty_answer(value: float) -> None:
    outputs = one_face()
    outputs[0][0, 5] = value
    with pytest.raises(EngineError, match="not finite"):
        run(outputs)


@pytest.mark.unit
def test_the_best_face_comes_first_and_doubles_are_suppressed() -> None:
    outputs = one_face()
    outputs[1][0, 22] = 0.9  # the first anchor of the same cell sees the same face
    outputs[4][0, 22] = outputs[4][0, 23]
    outputs[2][0, 0] = 0.8  # stride 32, top left
    outputs[5][0, 0] = [0, 0, 0.5, 0.5]
    found = run(outputs)
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    np.testing.assert_allclose(found.boxes, [[40, 16, 72, 64], [0, 0, 16, 16]])


@pytest.mark.unit
@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_graph_with_another_number_of_outputs_is_refused(count: int) -> None:
    with pytest.raises(IncompatibleGraph, match="outputs"):
        Scrfd(Fixed(blank((8, 16, 32), 2)[:count]))


@pytest.mark.unit
def test_outputs_of_another_shape_are_refused() -> None:
    outputs = one_face()
    outputs[0] = outputs[0][:, :-1]
    with pytest.raises(IncompatibleGraph, match="shapes"):
        run(outputs)


@pytest.mark.integration
@pytest.mark.parametrize("file", ["scrfd_500m_bnkps", "scrfd_500m_kps_namedout", "scrfd_2.5g_bnkps"])
def test_every_export_finds_the_astronaut(shared_models: Path, file: str) -> None:
    """Eyes, nose and mouth corners were read off the photograph (NASA, in scikit-image) by eye, +- 8 pixels."""
    seen = np.array([[203, 104], [241, 105], [221, 124], [206, 144], [239, 146]])
    workers = Workers(1)
    model = Catalogue.load().model("scrfd_500m_bnkps")
    network = OnnxRuntime("cpu", "f32", workers, 2).load(model, shared_models / f"{file}.onnx", model.input)
    canvas = lay_on_canvas(photographs.astronaut(), CanvasRule())
    found = Scrfd(network).detect(canvas.pixels, 0.5, 0.4, Ticket())
    workers.close()
    assert len(found) == 1
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[0] / canvas.scale, seen, atol=8)
