"""Networks without weights, so that the whole of Vultus can be run and tested where there are none.

What they say is made up but lawful: it has the shapes and ranges of the real families, depends on the pixels alone,
and is easy to predict. The detector finds one face in every 32 x 32 cell of its canvas whose centre is bright.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vultus.errors import IncompatibleGraph
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Model

CELL = 32
BRIGHT = 200
_STRIDES = (8, 16, 32)


class DummyRuntime:
    """Stands in for an engine; ``load`` reads no file."""

    name = "dummy"
    device = "none"
    precision = "f32"
    needs_files = False

    def load(self, model: Model, path: Path, spec: InputSpec) -> DummyNetwork:  # noqa: ARG002 - there is no file
        """See ``Runtime.load``.

        Raises:
            IncompatibleGraph: The family has no stand-in.
        """
        if model.family not in _ANSWERS:
            raise IncompatibleGraph(f"the dummy runtime cannot play the family {model.family!r} of {model.name}.")
        return DummyNetwork(model.name, spec, _ANSWERS[model.family])


class DummyNetwork:
    """Answers from the pixels by a fixed rule."""

    def __init__(self, name: str, spec: InputSpec, answer: Callable[[Image], tuple[FloatArray, ...]]) -> None:
        self._answer = answer
        example = answer(np.zeros((1, spec.height, spec.width, 3), np.uint8))
        self.spec = NetworkSpec(name, spec, tuple(f"out{index}" for index in range(len(example))))

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol."""
        ticket.check()
        return self._answer(batch if self.spec.input.color == "rgb" else batch[..., ::-1])


def _scrfd(batch: Image) -> tuple[FloatArray, ...]:
    """Outputs of SCRFD with key points: scores, boxes and key points at strides 8, 16 and 32, two anchors a cell.

    Only the first anchors of stride 32 ever score: the brightness of the cell's centre pixel. Its box is the cell, its
    landmarks are the alignment template shrunk to it.
    """
    n, height, width = batch.shape[:3]
    scores, boxes, points = [], [], []
    for stride in _STRIDES:
        rows = (height // stride) * (width // stride) * 2
        scores.append(np.zeros((n, rows, 1), np.float32))
        boxes.append(np.zeros((n, rows, 4), np.float32))
        points.append(np.zeros((n, rows, 10), np.float32))
    centres = batch[:, CELL // 2 :: CELL, CELL // 2 :: CELL].mean(axis=3)[:, : height // CELL, : width // CELL]
    brightness = centres.reshape(n, -1) / np.float32(255)
    scores[2][:, ::2, 0] = np.where(brightness > BRIGHT / 255, brightness, 0)
    boxes[2][:, ::2] = (0, 0, 1, 1)  # distances to the sides, in strides: the anchor is the cell's top left corner
    points[2][:, ::2] = (ARCFACE_TEMPLATE / 112).ravel()
    return (*scores, *boxes, *points)


def _embedding(size: int) -> Callable[[Image], tuple[FloatArray, ...]]:
    """A fixed random projection of the crop's 8 x 8 colour mosaic: like crops get like vectors."""
    projection = np.random.default_rng(112).standard_normal((8 * 8 * 3 + 1, size)).astype(np.float32)

    def answer(batch: Image) -> tuple[FloatArray, ...]:
        n, height, width = batch.shape[:3]
        mosaic = batch.reshape(n, 8, height // 8, 8, width // 8, 3).mean(axis=(2, 4)).reshape(n, -1) / 255
        with_bias = np.concatenate([mosaic, np.ones((n, 1))], axis=1).astype(np.float32)
        # Row by row: a matrix product may round differently with the number of rows.
        return (np.stack([row @ projection for row in with_bias]),)

    return answer


def _landmarks106(batch: Image) -> tuple[FloatArray, ...]:
    """106 points on a circle of half the crop's size, as the real network scales them (-1 to 1)."""
    angle = np.linspace(0, 2 * np.pi, 106, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32).ravel() / 2
    return (np.tile(circle, (len(batch), 1)),)


def _brightness(batch: Image) -> FloatArray:
    """Mean of each crop's pixels, 0 to 1: what the stand-ins below go by."""
    return np.asarray(batch.reshape(len(batch), -1).mean(axis=1) / 255, np.float32)


def _genderage(batch: Image) -> tuple[FloatArray, ...]:
    """Bright crops are male; the age is their brightness in percent."""
    bright = _brightness(batch)
    return (np.stack([1 - bright, bright, bright], axis=1),)


def _genderage_v1(batch: Image) -> tuple[FloatArray, ...]:
    """As ``_genderage``; the age is a count, so that its fraction is lost."""
    bright = _brightness(batch)[:, np.newaxis]
    older = np.arange(1, 101, dtype=np.float32) <= bright * 100
    pairs = np.stack([~older, older], axis=2).astype(np.float32).reshape(len(batch), -1)
    return (np.concatenate([1 - bright, bright, pairs], axis=1),)


def _mask(batch: Image) -> tuple[FloatArray, ...]:
    """The brighter the crop, the surer a mask."""
    bright = _brightness(batch)
    return (np.stack([bright, 1 - bright], axis=1),)


_ANSWERS: dict[str, Callable[[Image], tuple[FloatArray, ...]]] = {
    "scrfd": _scrfd,
    "arcface": _embedding(512),
    "sface": _embedding(128),
    "landmarks106": _landmarks106,
    "genderage": _genderage,
    "genderage_v1": _genderage_v1,
    "mask": _mask,
}
