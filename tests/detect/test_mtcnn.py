"""MTCNN against the published cascade, written out here in plain loops over the same networks' answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vultus.detect.mtcnn import MAX_WINDOWS, Mtcnn, pyramid
from vultus.errors import CatalogueError, EngineError, IncompatibleGraph
from vultus.evaluate import noses
from vultus.runtime.network import Network, NetworkSpec, Outputs, Parts, Runtime
from vultus.runtime.ticket import Ticket
from vultus.types import Canvas, Detection, FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue, Model

Box = list[float]
Size = tuple[int, int]
MTCNN = Catalogue.load().model("mtcnn")
FACTOR, MIN_FACE, STEPS = 0.709, 20, (0.9436513301, 0.7059968943, 0.5506904359)
COLUMNS = {"mtcnn": (4, 2), "mtcnn_rnet": (4, 2), "mtcnn_onet": (4, 10, 2)}


class Fake:
    """Answers by the mean brightness of what it sees: a face is bright, moved by how green and how blue it is."""

    def __init__(self, name: str, spec: InputSpec) -> None:
        self.spec = NetworkSpec(name, spec, tuple(f"out{index}" for index in range(len(COLUMNS[name]))))
        self.batches: list[int] = []
        self._columns = COLUMNS[name]

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        self.batches.append(len(batch))
        means = self._means(batch) / np.float32(255)
        face = means.max(axis=-1)
        return tuple(self._answer(columns, means, face) for columns in self._columns)

    def _means(self, batch: Image) -> FloatArray:
        if self.spec.name != "mtcnn":
            return np.asarray(batch.mean(axis=(1, 2)), np.float32)
        odd = [(0, side % 2) for side in batch.shape[1:3]]  # P-Net's pooling takes half a window at the edge
        picture = np.pad(batch[0].astype(np.float32), [*odd, (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(picture, (12, 12), axis=(0, 1))
        return np.asarray(windows[::2, ::2].mean(axis=(3, 4))[np.newaxis], np.float32)

    def _answer(self, columns: int, means: FloatArray, face: FloatArray) -> FloatArray:
        if columns == 2:
            return np.stack([1 - face, face], axis=-1)
        steps = np.linspace(-0.3, 0.7, columns, dtype=np.float32)
        return np.asarray((means[..., 1:2] * steps + means[..., 2:3] * steps[::-1]) / 4, np.float32)


def parts(model: Model = MTCNN, size: Size = (96, 64), make: Callable[[str, InputSpec], Network] = Fake) -> Parts:
    loaded: dict[Any, Network] = {}

    def load(name: str, size: Size | None) -> Network:
        spec = Catalogue.load().model(name).input
        spec = spec if size is None else replace(spec, width=size[0], height=size[1])
        return loaded.setdefault((name, size), make(name, spec))

    return Parts(model, load, size)


def answers(network: Network, batch: Image) -> list[FloatArray]:
    """Probability of a face, shifts of the edges, places of the landmarks; each for one picture as seen, x first."""
    outputs = {output.shape[-1]: output for output in network.run(batch, Ticket())}
    return [outputs[2][..., 1], outputs[4], *([outputs[10]] if 10 in outputs else [])]


def shared(one: Box, other: Box, smaller: bool) -> float:
    across = max(0.0, min(one[2], other[2]) - max(one[0], other[0]) + 1)
    down = max(0.0, min(one[3], other[3]) - max(one[1], other[1]) + 1)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return across * down / (min(areas) if smaller else sum(areas) - across * down)


def apart(faces: list[list[Any]], limit: float, smaller: bool = False) -> list[list[Any]]:
    """Faces are a score, a box and whatever else."""
    kept: list[list[Any]] = []
    for face in sorted(faces, key=lambda face: -face[0]):
        if all(shared(face[1], better[1], smaller) <= limit for better in kept):
            kept.append(face)
    return kept


def moved(box: Box, shift: Sequence[float], added: int) -> Box:
    sides = [box[2] - box[0] + added, box[3] - box[1] + added] * 2
    return [edge + float(part) * side for edge, part, side in zip(box, shift, sides, strict=True)]


def square(box: Box) -> Box:
    width, height = box[2] - box[0], box[3] - box[1]
    side = max(width, height)
    left, top = box[0] + width / 2 - side / 2, box[1] + height / 2 - side / 2
    return [float(math.trunc(edge)) for edge in (left, top, left + side, top + side)]


def seen(picture: Image, box: Box, side: int) -> Image:
    """The window, transposed; its first pixel is counted as 1, what is outside the picture is black."""
    left, top, right, bottom = map(int, box)
    window = np.zeros((bottom - top + 1, right - left + 1, 3), np.uint8)
    for row in range(len(window)):
        for column in range(len(window[0])):
            y, x = top - 1 + row, left - 1 + column
            if 0 <= y < len(picture) and 0 <= x < len(picture[0]):
                window[row, column] = picture[y, x]
    return np.asarray(cv2.resize(window.swapaxes(0, 1).copy(), (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def cascade(made: Parts, picture: Image, threshold: float) -> list[list[Any]]:
    """Score, box and landmarks of each face, by descending score."""
    height, width = picture.shape[:2]
    turned = picture.swapaxes(0, 1).copy()
    assert made.size
    proposed: list[list[Any]] = []
    scale = 12 / MIN_FACE
    while min(height, width) * scale >= 12:
        across, down = math.ceil(width * scale), math.ceil(height * scale)
        network = made.load("mtcnn", (math.ceil(made.size[1] * scale), math.ceil(made.size[0] * scale)))
        level = np.zeros((1, network.spec.input.height, network.spec.input.width, 3), np.uint8)
        level[0, :across, :down] = cv2.resize(turned, (down, across), interpolation=cv2.INTER_AREA)
        scores, shifts = answers(network, level)
        here: list[list[Any]] = []
        for x in range((across - 1) // 2 - 4):
            for y in range((down - 1) // 2 - 4):
                if scores[0, x, y] > STEPS[0]:
                    box = [float(math.trunc((2 * cell + end) / scale)) for end in (1, 12) for cell in (x, y)]
                    here.append([float(scores[0, x, y]), box, shifts[0, x, y]])
        proposed += apart(here, 0.5)
        scale *= FACTOR
    boxes = [square(moved(box, shift, 0)) for _, box, shift in apart(proposed, 0.7)]
    if not boxes:
        return []
    refine, place = made.companions
    scores, shifts = answers(refine, np.stack([seen(picture, box, 24) for box in boxes]))
    refined = [list(face) for face in zip(map(float, scores), boxes, shifts, strict=True) if face[0] > STEPS[1]]
    boxes = [square(moved(box, shift, 1)) for _, box, shift in apart(refined, 0.7)]
    if not boxes:
        return []
    scores, shifts, places = answers(place, np.stack([seen(picture, box, 48) for box in boxes]))
    placed: list[list[Any]] = []
    for score, box, shift, point in zip(map(float, scores), boxes, shifts, places, strict=True):
        across, down = box[2] - box[0] + 1, box[3] - box[1] + 1
        marks = [[point[i] * across + box[0] - 1, point[5 + i] * down + box[1] - 1] for i in range(5)]
        if score > STEPS[2]:
            placed.append([score, moved(box, shift, 1), marks])
    return [face for face in apart(placed, 0.7, smaller=True) if face[0] > threshold]


def check(found: Detection, expected: list[list[Any]]) -> None:
    assert len(found) == len(expected)
    assert found.landmarks is not None
    np.testing.assert_allclose(found.scores, [face[0] for face in expected], rtol=1e-5)
    np.testing.assert_allclose(found.boxes, np.array([face[1] for face in expected]).reshape(-1, 4), atol=0.01)
    np.testing.assert_allclose(found.landmarks, np.array([face[2] for face in expected]).reshape(-1, 5, 2), atol=0.01)


def bright_spots(seed: int, size: Size = (96, 64)) -> Image:
    """Bright squares of many sizes and tints on black; the picture ends before the canvas does."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    for _ in range(5):
        side, x, y = rng.integers(20, 40), rng.integers(0, size[0] - 20), rng.integers(0, size[1] - 20)
        canvas[y : y + side, x : x + side] = [255, *rng.integers(100, 256, 2)]
    canvas[:, size[0] - int(rng.integers(1, 12)) :] = 0
    return canvas


def edge_cut(canvas: Image) -> Image:
    height = max(y for y in range(len(canvas)) if canvas[y].any()) + 1
    width = max(x for x in range(len(canvas[0])) if canvas[:, x].any()) + 1
    return canvas[:height, :width]


@pytest.mark.unit
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_published_cascade(seed: int) -> None:
    made, canvas = parts(), bright_spots(seed)
    expected = cascade(made, edge_cut(canvas), 0.6)
    assert expected
    check(Mtcnn(made).detect(canvas, 0.6, 1.0, Ticket()), expected)


@pytest.mark.unit
def test_scales_begin_at_the_smallest_face_and_end_at_the_picture() -> None:
    scales = pyramid(640, 20, 0.709)
    assert scales[0] == pytest.approx(0.6)
    assert np.array(scales[1:]) / scales[:-1] == pytest.approx(0.709)
    assert 640 * scales[-1] >= 12 > 640 * scales[-1] * 0.709
    assert pyramid(19, 20, 0.709) == []


@pytest.mark.unit
def test_the_canvas_around_the_picture_changes_nothing() -> None:
    small, large = bright_spots(1), np.zeros((150, 200, 3), np.uint8)
    large[:64, :96] = small
    alone = Mtcnn(parts()).detect(small, 0.6, 1.0, Ticket())
    among = Mtcnn(parts(size=(200, 150))).detect(large, 0.6, 1.0, Ticket())
    assert len(alone) > 0
    np.testing.assert_allclose(among.boxes, alone.boxes, atol=0.01)
    np.testing.assert_allclose(among.scores, alone.scores, rtol=1e-5)


@pytest.mark.unit
@pytest.mark.parametrize("size", [(96, 64), (10, 10)])
def test_where_nothing_is_seen_nothing_is_found(size: Size) -> None:
    found = Mtcnn(parts(size=size)).detect(np.zeros((size[1], size[0], 3), np.uint8), 0.5, 0.4, Ticket())
    assert found.boxes.shape == (0, 4)
    assert found.landmarks is not None
    assert found.landmarks.shape == (0, 5, 2)


@pytest.mark.unit
def test_overlaps_are_left_alone_where_the_caller_wants_all() -> None:
    canvases = [bright_spots(seed) for seed in range(8)]
    detector = Mtcnn(parts())
    kept = sum(len(detector.detect(canvas, 0.6, 1.0, Ticket())) for canvas in canvases)
    assert sum(len(detector.detect(canvas, 0.6, 0.01, Ticket())) for canvas in canvases) < kept


@pytest.mark.unit
def test_noise_costs_no_more_than_so_many_windows() -> None:
    model = replace(MTCNN, parameters={"thresholds": [0, 0, 0], "min_face": 12})
    made = parts(model, (400, 400))
    Mtcnn(made).detect(np.random.default_rng(0).integers(1, 256, (400, 400, 3), np.uint8), 0, 1.0, Ticket())
    for network in made.companions:
        assert isinstance(network, Fake)
        assert 0 < network.batches[0] <= MAX_WINDOWS
    assert made.companions[0].batches[0] == MAX_WINDOWS  # type: ignore[attr-defined]


class Damaged(Fake):
    """Moves edges to where no picture is."""

    far = np.float32(1e9)

    def _answer(self, columns: int, means: FloatArray, face: FloatArray) -> FloatArray:
        answer = super()._answer(columns, means, face)
        return answer * self.far if columns == 4 else answer


class Unsure(Fake):
    def _answer(self, columns: int, means: FloatArray, face: FloatArray) -> FloatArray:
        return super()._answer(columns, means, face) * np.float32("nan")


class Other(Fake):
    def _answer(self, columns: int, means: FloatArray, face: FloatArray) -> FloatArray:
        return super()._answer(columns + 1, means, face)


@pytest.mark.unit
@pytest.mark.parametrize("far", [1e9, np.inf, np.nan])
def test_windows_of_a_damaged_network_are_dropped(far: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Damaged, "far", np.float32(far))
    with np.errstate(invalid="ignore"):
        assert len(Mtcnn(parts(make=Damaged)).detect(bright_spots(0), 0.5, 1.0, Ticket())) == 0


@pytest.mark.unit
def test_scores_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(EngineError, match="not finite"):
        Mtcnn(parts(make=Unsure)).detect(bright_spots(0), 0.5, 1.0, Ticket())


@pytest.mark.unit
def test_a_network_of_another_shape_is_named() -> None:
    with pytest.raises(IncompatibleGraph, match=r"mtcnn answers with \[3, 5\] columns"):
        Mtcnn(parts(make=Other)).detect(bright_spots(0), 0.5, 1.0, Ticket())


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"parameters": {"factor": 1.0}}, CatalogueError, "factor"),
        ({"parameters": {"min_face": 5}}, CatalogueError, "min_face"),
        ({"parameters": {"thresholds": [0.5, 0.5]}}, CatalogueError, "thresholds"),
        ({"parameters": {"treshold": 1}}, CatalogueError, "treshold"),
        ({"companions": ("mtcnn_rnet",)}, IncompatibleGraph, "two companions"),
    ],
)
def test_an_entry_that_is_none_of_mtcnns_is_refused(changes: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Mtcnn(parts(replace(MTCNN, **changes)))


@pytest.fixture(scope="module", params=["openvino", "onnx"])
def real(request: pytest.FixtureRequest, shared_models: Path, runtimes: dict[str, Runtime]) -> Parts:
    """The real networks at 640 x 640."""
    runtime, catalogue = runtimes[request.param], Catalogue.load()

    def load(name: str, spec: InputSpec) -> Network:
        model = catalogue.model(name)
        return runtime.load(model, shared_models / model.file, spec)

    return parts(size=(640, 640), make=load)


Samples = Callable[[Size], list[tuple[noses.Photograph, Canvas]]]


@pytest.mark.integration
def test_every_nose_of_the_samples_is_found_once(real: Parts, samples: Samples) -> None:
    detector = Mtcnn(real)
    hits = []
    for photograph, canvas in samples((640, 640)):
        found = detector.detect(canvas.pixels, 0.85, 1.0, Ticket())
        hits.append(noses.count(found.boxes / np.float32(canvas.scale), photograph.noses))
    assert sum(hit.noses for hit in hits) == sum(hit.found for hit in hits) == 46
    assert sum(hit.false for hit in hits) == sum(hit.doubled for hit in hits) == 0


@pytest.mark.integration
def test_landmarks_lie_where_the_noses_are_marked(real: Parts, samples: Samples) -> None:
    """Within 7 % of the height of CompreFace's box, as its own test wants it; left of a face is left in the picture."""
    detector = Mtcnn(real)
    for photograph, canvas in samples((640, 640)):
        found = detector.detect(canvas.pixels, 0.85, 1.0, Ticket())
        assert found.landmarks is not None
        for box, points in zip(found.boxes / canvas.scale, found.landmarks / canvas.scale, strict=True):
            away = np.hypot(*(photograph.noses - points[2]).T).min()
            assert away < 0.07 * (box[3] - box[1]) * (1 + 0.1052631579 + 0.0986842105)
            eye_left, eye_right, _, mouth_left, mouth_right = points
            assert eye_left[0] < eye_right[0]
            assert mouth_left[0] < mouth_right[0]
            assert max(eye_left[1], eye_right[1]) < min(mouth_left[1], mouth_right[1])


@pytest.mark.integration
def test_real_networks_in_the_published_cascade(real: Parts, samples: Samples) -> None:
    detector = Mtcnn(real)
    for photograph, canvas in samples((640, 640)):
        if photograph.path.stem in ("009_C", "010_2", "015_6", "017_0"):
            found = detector.detect(canvas.pixels, 0.6, 1.0, Ticket())
            check(found, cascade(real, edge_cut(canvas.pixels), 0.6))


@pytest.mark.integration
def test_a_window_among_others_is_judged_as_alone(real: Parts) -> None:
    for network in real.companions:
        side = network.spec.input.width
        crops = np.random.default_rng(side).integers(0, 256, (5, side, side, 3), np.uint8)
        for row, among in enumerate(zip(*network.run(crops, Ticket()), strict=True)):
            alone = network.run(crops[row : row + 1], Ticket())
            for one, other in zip(alone, among, strict=True):
                np.testing.assert_array_equal(one[0], other)
