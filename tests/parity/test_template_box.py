"""Where detectors see the box of a face whose landmarks lie on the alignment template."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.subject import open_engine
from vultus.imaging.align import TEMPLATE_BOX, similarity_transforms, template
from vultus.types import Analysis, Plan

pytestmark = pytest.mark.integration

UPRIGHT = 10  # degrees a face may be turned: a box around one turned further is larger


@pytest.mark.parametrize("detector", ["scrfd_500m_bnkps", "face_detection_yunet_2023mar"])
def test_the_template_box_is_the_median_of_real_ones(detector: str, shared_models: Path, shared_data: Path) -> None:
    boxes = []
    photographs = sorted((shared_data / "compreface_samples").glob("*.jpg"))
    with open_engine(detector=detector) as engine:
        for found in engine.analyze_many(photographs, Plan(embeddings=False)):
            assert isinstance(found, Analysis)
            for face in found.faces:
                assert face.landmarks is not None
                matrix = similarity_transforms(face.landmarks[np.newaxis], template(112))[0]
                if abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) < UPRIGHT:
                    scale = np.hypot(matrix[0, 0], matrix[0, 1])
                    middle = matrix[:, :2] @ (face.box[:2] + face.box[2:]) / 2 + matrix[:, 2]
                    half = np.array([face.width, face.height]) * scale / 2
                    boxes.append(np.concatenate([middle - half, middle + half]))
    assert len(boxes) > 30
    np.testing.assert_allclose(np.median(boxes, axis=0), TEMPLATE_BOX, atol=3)
