"""The benchmark pictures, from made-up photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import pictures

pytestmark = pytest.mark.unit


def test_the_company_is_all_different(tmp_path: Path) -> None:
    mosaic = tmp_path / "mosaic.jpg"
    cv2.imwrite(str(mosaic), np.random.default_rng(0).integers(0, 255, (900, 1600, 3), np.uint8))
    company = pictures.company(pictures.Pictures(mosaic, mosaic, mosaic), 32)
    decoded = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in company]
    sizes = {np.shape(pixels) for pixels in decoded if pixels is not None}
    assert len(sizes) == 32
