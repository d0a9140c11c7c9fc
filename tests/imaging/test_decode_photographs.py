"""Real photographs, against OpenCV."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vultus.imaging.decode import decode

pytestmark = pytest.mark.integration


def test_photographs_decode_as_opencv_decodes_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "compreface_samples").glob("0*_[2-8].jpg")):
        data = path.read_bytes()
        expected = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))
        np.testing.assert_array_equal(decode(data), expected)
