from __future__ import annotations

import numpy as np
import pytest

from vultus.attributes import DERIVED, Known
from vultus.attributes.pose5 import head_pose
from vultus.attributes.quality import CROP, face_quality
from vultus.imaging.align import Crops, template
from vultus.types import CropSpec, Detection, FloatArray

pytestmark = pytest.mark.unit

PIXELS = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), np.uint8)
LANDMARKS = np.stack([template(112), template(30)])


def known(landmarks: FloatArray | None = LANDMARKS, norms: FloatArray | None = None) -> Known:
    def cut(spec: CropSpec) -> Crops:
        assert spec == CROP
        return Crops(PIXELS, np.tile(np.eye(2, 3), (2, 1, 1)))

    return Known(Detection(np.zeros((2, 4), np.float32), np.ones(2, np.float32), landmarks), cut, norms)


def test_poses_are_those_of_the_landmarks() -> None:
    expected = head_pose(template(112))
    assert expected is not None
    for pose in DERIVED["pose"].tell(known()):
        assert pose == pytest.approx(expected._asdict(), abs=1e-3)


def test_qualities_are_those_of_each_face_with_its_norm() -> None:
    norms = np.array([20.5, 18.25], np.float32)
    assert DERIVED["quality"].tell(known(norms=norms)) == [
        face_quality(PIXELS[0], LANDMARKS[0], 20.5)._asdict(),
        face_quality(PIXELS[1], LANDMARKS[1], 18.25)._asdict(),
    ]


def test_without_an_embedder_there_is_no_norm_and_the_score_is_the_same() -> None:
    without, with_norms = (DERIVED["quality"].tell(known(norms=norms)) for norms in (None, np.ones(2, np.float32)))
    for one, other in zip(without, with_norms, strict=True):
        assert isinstance(one, dict)
        assert isinstance(other, dict)
        assert one["norm"] is None
        assert one["score"] == other["score"]


@pytest.mark.parametrize("fact", DERIVED)
def test_without_landmarks_nothing_is_told(fact: str) -> None:
    assert DERIVED[fact].tell(known(landmarks=None)) == [None, None]
