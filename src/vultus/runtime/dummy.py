"""Networks without weights, so that the whole of Vultus can be run and tested where there are none.

What they say is made up but lawful: it has the shapes and ranges of the real families, depends on the pixels alone,
and is easy to predict. The detector finds one face in every 32 x 32 cell of its canvas whose centre is bright.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from vultus.errors import IncompatibleGraph
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.runtime.network import Counts, NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Model

Answer: TypeAlias = Callable[[Image], tuple[FloatArray, ...]]

CELL = 32
BRIGHT = 200
_STRIDES = (8, 16, 32)
_USUAL_EMBEDDING = 512


class DummyRuntime:
    """Stands in for an engine; ``load`` reads no file."""

    name = "dummy"
    device = "none"
    precision = "f32"
    needs_files = False
    counts: Counts | None = None

    @property
    def families(self) -> Collection[str]:
        """Those that have a stand-in."""
        return _ANSWERS.keys()

    def close(self) -> None:
        """Nothing runs beside the callers' threads."""

    def load(self, model: Model, path: Path, spec: InputSpec) -> DummyNetwork:  # noqa: ARG002 - there is no file
        """See ``Runtime.load``.

        Raises:
            IncompatibleGraph: The family has no stand-in.
        """
        if model.family not in _ANSWERS:
            raise IncompatibleGraph(f"the dummy runtime cannot play the family {model.family!r} of {model.name}.")
        return DummyNetwork(model.name, spec, _ANSWERS[model.family](model))


class DummyNetwork:
    """Answers from the pixels by a fixed rule."""

    def __init__(self, name: str, spec: InputSpec, answer: Answer) -> None:
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


def _embedding(model: Model) -> Answer:
    """A fixed random projection of the crop's 8 x 8 colour mosaic: like crops get like vectors."""
    size = model.embedding_size or _USUAL_EMBEDDING
    projection = np.random.default_rng(112).standard_normal((8 * 8 * 3 + 1, size)).astype(np.float32)

    def answer(batch: Image) -> tuple[FloatArray, ...]:
        n, height, width = batch.shape[:3]
        mosaic = batch.reshape(n, 8, height // 8, 8, width // 8, 3).mean(axis=(2, 4)).reshape(n, -1) / 255
        with_bias = np.concatenate([mosaic, np.ones((n, 1))], axis=1).astype(np.float32)
        # Row by row: a matrix product may round differently with the number of rows.
        return (np.stack([row @ projection for row in with_bias]),)

    return answer


def _circle(points: int) -> FloatArray:
    """Points on a circle of half the crop's size, float32 ``(points, 2)``; real networks too go from -1 to 1."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2, np.float32)


def _landmarks106(batch: Image) -> tuple[FloatArray, ...]:
    """106 points on a circle."""
    return (np.tile(_circle(106).ravel(), (len(batch), 1)),)


def _landmarks68(batch: Image) -> tuple[FloatArray, ...]:
    """68 points on a circle at depth 0, after 1,035 others."""
    points = np.zeros((1103, 3), np.float32)
    points[-68:, :2] = _circle(68)
    return (np.tile(points.ravel(), (len(batch), 1)),)


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


def _percent(batch: Image) -> tuple[FloatArray, ...]:
    """The age is the brightness in percent."""
    return (_brightness(batch)[:, np.newaxis] * 100,)


def _angles(batch: Image) -> tuple[FloatArray, ...]:
    """Yaw, pitch and roll are one, two and three times the brightness, in tens of degrees."""
    return (_brightness(batch)[:, np.newaxis] * np.array([10, 20, 30], np.float32),)


def _age_classes(model: Model) -> Answer:
    """Two neighbouring classes share the probability, so that single years add up to the brightness in percent."""
    classes = len(model.parameters.get("ages", range(81)))

    def answer(batch: Image) -> tuple[FloatArray, ...]:
        place = np.minimum(_brightness(batch) * 100, classes - 1)[:, np.newaxis]
        return (np.maximum(1 - np.abs(np.arange(classes, dtype=np.float32) - place), 0),)

    return answer


def _classes(count: int, place: int, *, logits: bool) -> Answer:
    """The brighter the crop, the surer the class at ``place``; the others are all as probable."""

    def answer(batch: Image) -> tuple[FloatArray, ...]:
        bright = np.clip(_brightness(batch), 1e-6, 1 - 1e-6)[:, np.newaxis]
        rows = np.repeat((1 - bright) / (count - 1), count, axis=1)
        rows[:, place] = bright[:, 0]
        return (np.asarray(np.log(rows) if logits else rows, np.float32),)

    return answer


def _gender_classes(model: Model) -> Answer:
    """Bright crops are male."""
    given = model.parameters
    return _classes(2, 0 if given.get("first") == "male" else 1, logits=given.get("softmax", False))


def _liveness(model: Model) -> Answer:
    """The brighter the crop, the surer that it is real."""
    return _classes(model.parameters["classes"], model.parameters["real"], logits=True)


def _mask(model: Model) -> Answer:
    """The brighter the crop, the surer a mask."""
    given: dict[str, Any] = {"classes": ["mask", "no_mask"], "softmax": False} | model.parameters
    return _classes(len(given["classes"]), given["classes"].index("mask"), logits=given["softmax"])


_ANSWERS: dict[str, Callable[[Model], Answer]] = {
    "scrfd": lambda _: _scrfd,
    "arcface": _embedding,
    "facenet": _embedding,
    "sface": _embedding,
    "landmarks106": lambda _: _landmarks106,
    "landmarks68": lambda _: _landmarks68,
    "genderage": lambda _: _genderage,
    "genderage_v1": lambda _: _genderage_v1,
    "age_classes": _age_classes,
    "gender_classes": _gender_classes,
    "ssrnet": lambda _: _percent,
    "fsanet": lambda _: _angles,
    "liveness": _liveness,
    "mask": _mask,
}
