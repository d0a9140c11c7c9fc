"""The quality of real faces: made worse by known amounts, they are told apart in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from vultus import FaceEngine
from vultus.attributes.quality import Quality, face_quality
from vultus.bench.bound import load_network
from vultus.imaging.align import template
from vultus.runtime.ticket import Ticket
from vultus.types import Image

pytestmark = pytest.mark.integration

SIDE = 112


@pytest.fixture(scope="module")
def faces(shared_data: Path) -> list[Image]:
    """A hundred aligned faces of LFW, evenly chosen."""
    paths = sorted((shared_data / "lfw_aligned").rglob("*.jpg"))
    step = len(paths) // 100
    found = []
    for path in paths[: 100 * step : step]:
        with Picture.open(path) as picture:
            found.append(np.asarray(picture.convert("RGB")))
    return found


def blurred(face: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)


def exposed(face: Image, factor: float) -> Image:
    return np.asarray(np.clip(face.astype(float) * factor, 0, 255).round(), np.uint8)


def shrunk(face: Image, side: float) -> Image:
    """The crop that would be cut of the face where it is but ``side`` pixels large."""
    small = cv2.resize(face, (int(side), int(side)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIDE, SIDE)), np.uint8)


def judged(faces: list[Image], change: Callable[[Image, float], Image], amount: float) -> list[Quality]:
    """Qualities of faces so changed; what is shrunk has its landmarks as close together as that."""
    landmarks = template(int(amount) if change is shrunk else SIDE)
    return [face_quality(change(face, amount), landmarks) for face in faces]


def test_good_faces_are_good(faces: list[Image]) -> None:
    found = [face_quality(face, template(SIDE)) for face in faces]
    assert np.median([quality.score for quality in found]) > 0.9
    assert np.mean([quality.reasons == [] for quality in found]) > 0.9


@pytest.mark.parametrize(
    ("change", "amounts", "reason"),
    [
        (blurred, (1.0, 1.5, 2.0, 3.0, 5.0), "blurred"),
        (shrunk, (56, 40, 28, 20, 14), "too small"),
        (exposed, (0.5, 0.35, 0.25, 0.15, 0.1), "too dark"),
        (exposed, (1.6, 1.9, 2.2, 2.6, 3.5), "too bright"),
    ],
)
def test_the_worse_a_face_the_lower_its_score(
    faces: list[Image], change: Callable[[Image, float], Image], amounts: tuple[float, ...], reason: str
) -> None:
    """Of each face by itself, never the other way; of all together, each time lower."""
    scores = np.array([[quality.score for quality in judged(faces, change, amount)] for amount in amounts])
    means = scores.mean(axis=1)
    assert (np.diff(means) < 0).all()
    assert means[0] > means[-1] + 0.3
    assert np.mean(np.diff(scores, axis=0) <= 1e-9) > 0.97
    worst = judged(faces, change, amounts[-1])
    assert np.mean([reason in quality.reasons for quality in worst]) > 0.9


def embeddings(engine: FaceEngine, faces: list[Image]) -> NDArray[np.float32]:
    network = load_network(engine, engine.model("w600k_mbf"))
    return np.concatenate([network.run(face[np.newaxis], Ticket())[0] for face in faces])


def test_the_score_follows_what_is_left_of_the_embedding_and_better_than_the_norm_does(
    faces: list[Image], engine: FaceEngine
) -> None:
    """Why the norm is told but not counted; ranks are compared, as the two have scales of their own."""
    few = faces[::2]
    vectors = embeddings(engine, few)
    clean = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores, norms, left = [], [], []
    for change, amount in (
        (blurred, 1.5),
        (blurred, 3.0),
        (shrunk, 40),
        (shrunk, 20),
        (exposed, 0.5),
        (exposed, 0.15),
        (exposed, 2.2),
    ):
        changed = embeddings(engine, [change(face, amount) for face in few])
        lengths = np.linalg.norm(changed, axis=1)
        scores += [quality.score for quality in judged(few, change, amount)]
        norms += lengths.tolist()
        left += (changed / lengths[:, np.newaxis] * clean).sum(axis=1).tolist()

    def ranks(values: list[float]) -> NDArray[np.intp]:
        return np.argsort(np.argsort(values))

    by_score, by_norm = (float(np.corrcoef(ranks(values), ranks(left))[0, 1]) for values in (scores, norms))
    assert by_score > 0.7
    assert by_score > by_norm
