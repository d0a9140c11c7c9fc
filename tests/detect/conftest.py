"""Real detectors on real photographs, on both runtimes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data as photographs

from vultus.detect import DETECTOR_FAMILIES, Detector
from vultus.evaluate import noses
from vultus.imaging.canvas import lay_on_canvas
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels
from vultus.runtime.network import Network, NetworkSpec, Outputs, Parts, Runtime
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import Canvas, CanvasRule, Detection, Image
from vultus.zoo.catalogue import Catalogue

Size = tuple[int, int]
Sample = tuple[noses.Photograph, Canvas]
Look = tuple[noses.Photograph, Canvas, Outputs, Detection]
Point = list[float]
Face = tuple[float, list[float], list[Point] | None]
"""Score, box and landmarks, as a reference tells them."""


class Recorder:
    """A network that keeps what it answered last."""

    def __init__(self, network: Network) -> None:
        self.spec: NetworkSpec = network.spec
        self.outputs: Outputs = ()
        self._network = network

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        self.outputs = self._network.run(batch, ticket)
        return self.outputs


class Replay:
    """A network that answers what it is told to, whatever it is shown."""

    def __init__(self, spec: NetworkSpec, outputs: Outputs) -> None:
        self.spec = spec
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return self._outputs


@pytest.fixture(scope="session")
def runtimes() -> Iterator[dict[str, Runtime]]:
    """Both runtimes, by name."""
    workers = Workers(2)
    yield {runtime.name: runtime("cpu", "f32", workers, 2) for runtime in (OpenVinoRuntime, OnnxRuntime)}
    workers.close()


@pytest.fixture(scope="session")
def samples(shared_data: Path) -> Callable[[Size], list[Sample]]:
    """CompreFace's sample photographs, laid on canvases of a size ``(width, height)``."""

    @functools.cache
    def lay(size: Size) -> list[Sample]:
        return [
            (photograph, lay_on_canvas(read_pixels(photograph.path.read_bytes(), Limits()), CanvasRule(*size)))
            for photograph in noses.read(shared_data / "compreface_samples")
        ]

    return lay


@pytest.fixture(scope="session")
def network_of(shared_models: Path, runtimes: dict[str, Runtime]) -> Callable[[str, str, Size], Recorder]:
    """Loads a network by catalogue name, on a runtime, at a size."""

    @functools.cache
    def load(name: str, runtime: str, size: Size) -> Recorder:
        model = Catalogue.load().model(name)
        spec = replace(model.input, width=size[0], height=size[1])
        return Recorder(runtimes[runtime].load(model, shared_models / model.file, spec))

    return load


def make(name: str, network: Network) -> Detector:
    model = Catalogue.load().model(name)
    size = (network.spec.input.width, network.spec.input.height)
    return DETECTOR_FAMILIES[model.family](Parts(model, lambda name, size: network, size))


@pytest.fixture(scope="session")
def looks(
    network_of: Callable[[str, str, Size], Recorder], samples: Callable[[Size], list[Sample]]
) -> Callable[..., Iterator[Look]]:
    """What a detector's network answers to each sample photograph, and what its family makes of that."""

    def look(name: str, runtime: str, size: Size, threshold: float = 0.5, nms_threshold: float = 0.4) -> Iterator[Look]:
        network = network_of(name, runtime, size)
        detector = make(name, network)
        for photograph, canvas in samples(size):
            found = detector.detect(canvas.pixels, threshold, nms_threshold, Ticket())
            yield photograph, canvas, network.outputs, found

    return look


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """IoU of boxes that include the pixels of both their corners."""
    across = max(0.0, min(one[2], other[2]) - max(one[0], other[0]) + 1)
    down = max(0.0, min(one[3], other[3]) - max(one[1], other[1]) + 1)
    first, second = ((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other))
    return across * down / (first + second - across * down)


def apart(faces: Sequence[Face], limit: float) -> list[Face]:
    """Greedy non-maximum suppression, one pair after the other; the best first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face[0]):
        if all(overlap(face[1], better[1]) <= limit for better in kept):
            kept.append(face)
    return kept


def same(found: Detection, expected: Sequence[Face]) -> None:
    """Fail unless these are the same faces in the same order, but for rounding."""
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], rtol=1e-6)
    boxes = np.array([box for _, box, _ in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.boxes, boxes, rtol=1e-5, atol=2e-3)
    points = [marks for _, _, marks in expected if marks is not None]
    if found.landmarks is None:
        assert not points
    else:
        np.testing.assert_allclose(found.landmarks, np.array(points).reshape(-1, 5, 2), rtol=1e-5, atol=2e-3)


@pytest.fixture(scope="session")
def keep_apart() -> Callable[[Sequence[Face], float], list[Face]]:
    return apart


@pytest.fixture(scope="session")
def check_same() -> Callable[[Detection, Sequence[Face]], None]:
    return same


@pytest.fixture(scope="session")
def compare_decoding(looks: Callable[..., Iterator[Look]]) -> Callable[..., tuple[noses.Hits, noses.Hits]]:
    """Fails unless a family finds in all sample photographs the faces that a reference decodes from the same outputs.

    Gives back how many of the noses marked, and how many boxes without one, the family and the reference find.
    """

    def compare(
        name: str, runtime: str, size: Size, decode: Callable[[Outputs, float], Sequence[Face]]
    ) -> tuple[noses.Hits, noses.Hits]:
        ours, reference = [], []
        for photograph, canvas, outputs, found in looks(name, runtime, size):
            expected = apart(decode(outputs, 0.5), 0.4)
            same(found, expected)
            boxes = np.array([box for _, box, _ in expected], np.float32).reshape(-1, 4)
            ours.append(noses.count(found.boxes / np.float32(canvas.scale), photograph.noses))
            reference.append(noses.count(boxes / np.float32(canvas.scale), photograph.noses))
        return total(ours), total(reference)

    return compare


def total(hits: Sequence[noses.Hits]) -> noses.Hits:
    return noses.Hits(*(sum(column) for column in zip(*map(astuple, hits), strict=True)))


@pytest.fixture(scope="session")
def check_astronaut(network_of: Callable[[str, str, Size], Recorder]) -> Callable[[str], None]:
    """Fails unless a detector finds the astronaut (NASA, in scikit-image) and her landmarks, as read off by eye."""

    def check(name: str) -> None:
        seen = np.array([[203, 104], [241, 105], [221, 124], [206, 144], [239, 146]])
        canvas = lay_on_canvas(photographs.astronaut(), CanvasRule())
        found = make(name, network_of(name, "openvino", (640, 640))).detect(canvas.pixels, 0.5, 0.4, Ticket())
        assert len(found) == 1
        assert found.landmarks is not None
        np.testing.assert_allclose(found.landmarks[0] / canvas.scale, seen, atol=8)

    return check


@pytest.fixture(scope="session")
def alone_and_among(
    network_of: Callable[[str, str, Size], Recorder], samples: Callable[[Size], list[Sample]]
) -> Callable[[str, str, Size], list[tuple[Detection, Detection]]]:
    """What a detector finds on canvases of its own, and on the same as rows of one batch."""

    def compare(name: str, runtime: str, size: Size) -> list[tuple[Detection, Detection]]:
        network = network_of(name, runtime, size)
        canvases = np.stack([canvas.pixels for _, canvas in samples(size)[:4]])
        alone = [make(name, network).detect(canvas, 0.5, 0.4, Ticket()) for canvas in canvases]
        batch = network.run(canvases, Ticket())
        among = [
            make(name, Replay(network.spec, tuple(output[i : i + 1] for output in batch))).detect(
                canvas, 0.5, 0.4, Ticket()
            )
            for i, canvas in enumerate(canvases)
        ]
        return list(zip(alone, among, strict=True))

    return compare
