"""Start to first answer, on the runtime that needs no weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import bodies, footprint

pytestmark = pytest.mark.integration


def picture(value: int) -> bytes:
    """A JPEG of one shade; the stand-in for a detector finds faces where it is bright."""
    _, content = cv2.imencode(".jpg", np.full((120, 160, 3), value, np.uint8))
    return content.tobytes()


def test_it_is_measured_up_to_a_good_answer(tmp_path: Path) -> None:
    body = bodies.extract_json([picture(255)])
    assert 0 < footprint.seconds_to_first_answer([tmp_path], "/extract", body, runtime="dummy") < 60


def test_answers_without_a_face_are_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "PATIENCE_SECONDS", 3)
    with pytest.raises(RuntimeError, match="does not answer"):
        footprint.seconds_to_first_answer([tmp_path], "/extract", bodies.extract_json([picture(0)]), runtime="dummy")
