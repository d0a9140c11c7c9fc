"""How two analyses of a picture are compared."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import parity
from vultus.types import Face

pytestmark = pytest.mark.unit


def face(
    box: tuple[float, float, float, float],
    embedding: tuple[float, float] = (1, 0),
    landmarks: float = 0.0,
    landmarks106: float = 0.0,
) -> Face:
    return Face(
        box=np.array(box, np.float32),
        score=0.9,
        landmarks=np.full((5, 2), landmarks, np.float32),
        embedding=np.array(embedding, np.float32),
        attributes={"landmarks106": np.full((106, 2), landmarks106, np.float32)},
    )


def reference(*faces: Face) -> parity.Faces:
    return parity.Faces(
        boxes=np.array([item.box for item in faces], np.float32).reshape(-1, 4),
        landmarks=np.array([item.landmarks for item in faces], np.float32).reshape(-1, 5, 2),
        embeddings=np.array([item.embedding for item in faces], np.float32).reshape(len(faces), -1 if faces else 0),
        landmarks106=np.array([item.attributes["landmarks106"] for item in faces], np.float32).reshape(-1, 106, 2),
    )


LEFT, RIGHT = (0, 0, 10, 10), (100, 0, 110, 10)


def test_faces_in_another_order_are_the_same_faces() -> None:
    result = parity.agreement("a.jpg", [face(LEFT), face(RIGHT)], reference(face(RIGHT), face(LEFT)))
    assert result.same_faces
    assert (result.box_px, result.landmarks_px, result.landmarks106_px, result.cosine) == (0, 0, 0, 1)


def test_every_difference_is_measured_on_the_paired_face() -> None:
    ours = [face(LEFT), face((100, 0, 110, 10.5), embedding=(0.6, 0.8), landmarks=-0.25, landmarks106=2)]
    result = parity.agreement("a.jpg", ours, reference(face(LEFT), face(RIGHT)))
    assert (result.box_px, result.landmarks_px, result.landmarks106_px) == (0.5, 0.25, 2)
    assert result.cosine == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param([face(LEFT)], [face(LEFT), face(RIGHT)], id="one missing"),
        pytest.param([face(LEFT), face(RIGHT)], [face(LEFT)], id="one too many"),
        pytest.param([face(LEFT)], [face(RIGHT)], id="another one"),
        pytest.param([face(LEFT), face((1, 0, 11, 10))], [face(LEFT), face(RIGHT)], id="one twice, one missing"),
    ],
)
def test_other_faces_are_told(ours: list[Face], theirs: list[Face]) -> None:
    assert not parity.agreement("a.jpg", ours, reference(*theirs)).same_faces


def test_no_faces_on_either_side_agree() -> None:
    result = parity.agreement("a.jpg", [], reference())
    assert result.same_faces
    assert (result.box_px, result.cosine) == (0, 1)
