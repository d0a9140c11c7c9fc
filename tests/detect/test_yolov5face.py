from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.detect.published import Face, Fixed, check, miss, same, sigmoid, suppressed, tally

from vultus.detect.yolov5face import Yolov5Face
from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Detection, FloatArray, InputSpec
from vultus.zoo.catalogue import Catalogue

SIZE = InputSpec(96, 64)  # 12 x 8, 6 x 4 and 3 x 2 cells, three anchors each
REAL = ["yolov5n-0.5", "yolov5n-0.5_rawheads"]
# Of yolov5-face's models/yolov5*.yaml.
ANCHORS = {
    8: [4, 5, 8, 10, 13, 16],
    16: [23, 29, 43, 55, 73, 105],
    32: [146, 217, 231, 300, 335, 433],
}


def heads(seed: int) -> list[FloatArray]:
    """Raw heads ``(1, 3, rows, columns, 16)`` of noise."""
    random = np.random.default_rng(seed)
    made = [random.normal(0, 0.7, (1, 3, SIZE.height // s, SIZE.width // s, 16)).astype(np.float32) for s in ANCHORS]
    for head in made:
        head[..., 4] -= 1
    return made


def as_channels(raw: Sequence[FloatArray]) -> list[FloatArray]:
    """The same, as convolutions hand them out: ``(1, 48, rows, columns)``."""
    return [head.transpose(0, 1, 4, 2, 3).reshape(1, 48, *head.shape[2:4]) for head in raw]


def published(raw: Outputs | Sequence[FloatArray]) -> list[list[float]]:
    """What yolov5-face's own last layer makes of the heads, one number after the other: 16 for each anchor."""
    rows = []
    for head, (stride, anchors) in zip(raw, ANCHORS.items(), strict=True):
        _, count, height, width, _ = head.shape
        for place, y, x in itertools.product(range(count), range(height), range(width)):
            values = [float(value) for value in head[0, place, y, x]]
            wide, tall = anchors[2 * place : 2 * place + 2]
            row = [(sigmoid(values[0]) * 2 - 0.5 + x) * stride, (sigmoid(values[1]) * 2 - 0.5 + y) * stride]
            row += [(sigmoid(values[2]) * 2) ** 2 * wide, (sigmoid(values[3]) * 2) ** 2 * tall, sigmoid(values[4])]
            for k in range(5):
                row += [values[5 + 2 * k] * wide + x * stride, values[6 + 2 * k] * tall + y * stride]
            rows.append([*row, sigmoid(values[15])])
    return rows


def faces(rows: Sequence[Sequence[float]], threshold: float) -> list[Face]:
    """What InsightFace-REST makes of decoded rows: the objectness is the score."""
    found = []
    for x, y, width, height, score, *rest in rows:
        if score > threshold:
            box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
            found.append(Face(score, box, [[rest[2 * k], rest[2 * k + 1]] for k in range(5)]))
    return found


def table(raw: Sequence[FloatArray]) -> list[FloatArray]:
    return [np.array([published(raw)], np.float32)]


def run(outputs: Sequence[FloatArray], threshold: float = 0.5, nms_threshold: float = 1) -> Detection:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    return Yolov5Face(Fixed(outputs, SIZE)).detect(canvas, threshold, nms_threshold, Ticket())


FORMS = [
    pytest.param(list, id="heads"),
    pytest.param(as_channels, id="channels"),
    pytest.param(table, id="table"),
    pytest.param(lambda raw: [*table(raw), *raw], id="table and heads"),
    pytest.param(lambda raw: [raw[2], raw[0], raw[1]], id="another order"),
]


@pytest.mark.unit
def test_a_face_is_decoded_from_its_anchor() -> None:
    outputs = [np.zeros_like(head) for head in heads(0)]
    for output in outputs:
        output[..., 4] = -9
    # Stride 16, second anchor (43 x 55), row 2, column 3. The sigmoid of 0 is a half, that of log 3 is 0.75.
    outputs[1][0, 1, 2, 3, :5] = [0, np.log(3), 0, 0, np.log(4)]
    outputs[1][0, 1, 2, 3, 5:15] = [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]
    found = run(outputs)
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-6)
    # Centre ((1 - 0.5 + 3) * 16, (1.5 - 0.5 + 2) * 16) = (56, 48); the anchor's own size.
    np.testing.assert_allclose(found.boxes, [[34.5, 20.5, 77.5, 75.5]], rtol=1e-6)
    assert found.landmarks is not None
    # Landmarks are counted from the cell's corner.
    expected = np.array([[48, 32], [91, 32], [69.5, 59.5], [48, 87], [91, 87]])
    np.testing.assert_allclose(found.landmarks[0], expected, rtol=1e-6)


@pytest.mark.unit
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(2))
def test_every_anchor_is_decoded_as_published(form: Any, seed: int) -> None:
    raw = heads(seed)
    expected = faces(published(raw), 0.4)
    assert 20 < len(expected) < 300
    check(run(form(raw), 0.4), suppressed(expected, 1))


@pytest.mark.unit
@pytest.mark.parametrize("form", FORMS)
def test_boxes_are_suppressed_as_published(form: Any) -> None:
    raw = heads(5)
    everything = faces(published(raw), 0.4)
    expected = suppressed(everything, 0.4)
    assert 5 < len(expected) < len(everything)
    check(run(form(raw), 0.4, 0.4), expected)


@pytest.mark.unit
def test_the_class_score_does_not_count() -> None:
    (rows,) = table(heads(1))
    silent = rows.copy()
    silent[..., 15] = 0
    np.testing.assert_array_equal(run([rows]).scores, run([silent]).scores)


@pytest.mark.unit
@pytest.mark.parametrize("form", [list, table])
def test_nothing_is_found_where_nothing_is(form: Any) -> None:
    raw = heads(0)
    for head in raw:
        head[..., 4] = -200  # so small that a careless sigmoid overflows
    check(run(form(raw)), [])


@pytest.mark.unit
@pytest.mark.parametrize("form", [list, table])
def test_scores_that_are_no_numbers_are_an_error(form: Any) -> None:
    outputs = form(heads(0))
    outputs[0][..., 4] = np.nan
    with pytest.raises(EngineError, match="not finite"):
        run(outputs)


@pytest.mark.unit
@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param(heads(0)[:2], id="a head is missing"),
        pytest.param([head[..., :15] for head in heads(0)], id="other columns"),
        pytest.param([head.swapaxes(2, 3) for head in heads(0)], id="of another canvas"),
        pytest.param([np.zeros((1, 377, 16), np.float32)], id="another number of rows"),
    ],
)
def test_other_outputs_are_refused(outputs: list[FloatArray]) -> None:
    with pytest.raises(IncompatibleGraph, match=r"probe answers with shapes .* at 96x64"):
        Yolov5Face(Fixed(outputs, SIZE))


@pytest.mark.unit
def test_a_grid_of_another_canvas_with_as_many_cells_is_noticed() -> None:
    rows = table(heads(0))
    Yolov5Face(Fixed(rows, SIZE))
    with pytest.raises(IncompatibleGraph, match="grid of another size than 64x96"):
        Yolov5Face(Fixed(rows, InputSpec(64, 96)))


@pytest.mark.unit
def test_the_catalogue_feeds_it_as_published() -> None:
    models = [model for model in Catalogue.load().models if model.family == "yolov5face"]
    names = {"yolov5l-face", "yolov5m-face", "yolov5s-face", "yolov5n-face", "yolov5n-0.5"}
    assert names < {model.name for model in models}
    for model in models:
        assert model.input == InputSpec(640, 640, mean=(0, 0, 0), std=(255, 255, 255), color="rgb")
        assert model.nms_threshold == 0.4
        assert model.resizable == (model.name not in REAL)


@pytest.mark.integration
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_real_faces_are_those_that_the_published_decoding_finds(looks: Any, name: str, runtime: str) -> None:
    seen = list(looks(name, runtime, (640, 640), 0.5, 0.4))
    for index, (_, _, outputs, found) in enumerate(seen):
        if len(outputs) == 1:
            check(found, suppressed(faces(outputs[0][0].tolist(), 0.5), 0.4))
        elif index < 2:  # the loops over all anchors take their time
            check(found, suppressed(faces(published(outputs), 0.5), 0.4))
    assert tally(iter(seen)) == (46, 46, 2, 0)  # a doll, and somebody far behind who is not marked
    assert np.median([value for picture, canvas, _, found in seen for value in miss(found, canvas, picture)]) < 0.125


@pytest.mark.integration
@pytest.mark.parametrize("name", REAL)
def test_both_runtimes_find_the_same(looks: Any, name: str) -> None:
    pairs = zip(looks(name, "openvino", (640, 640)), looks(name, "onnx", (640, 640)), strict=True)
    for (_, _, _, ours), (_, _, _, theirs) in pairs:
        same(ours, theirs, 0.05)


@pytest.mark.integration
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_canvas_gives_the_same_alone_and_among_others(alone_and_among: Any, name: str, runtime: str) -> None:
    pairs = alone_and_among(name, runtime, (640, 640))
    assert sum(len(alone) for alone, _ in pairs) >= 4
    for alone, among in pairs:
        np.testing.assert_array_equal(alone.boxes, among.boxes)
        np.testing.assert_array_equal(alone.scores, among.scores)
        np.testing.assert_array_equal(alone.landmarks, among.landmarks)
