"""What the benchmark `precision` makes of what it measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import precision
from benchmarks.subject import Options
from vultus.errors import PrecisionUnavailable, UnsupportedFormat
from vultus.evaluate.drift import Drift
from vultus.settings import load_settings

pytestmark = pytest.mark.unit


def test_each_figure_of_a_drift_is_a_row() -> None:
    drift = Drift([], 9, 2, np.array([0.5, 1.0]), np.array([0.25, 0.75]), 3.0, 0.1, 0.125, 0.375)
    rows = {row.what: row.value for row in precision.rows_of("int8", drift)}
    assert rows == {
        "int8: faces both found": 9,
        "int8: faces one alone found": 2,
        "int8: cosine of embeddings, least": 0.5,
        "int8: cosine of embeddings, mean": 0.75,
        "int8: similarity of two faces, largest change": 0.125,
        "int8: box IoU, least": 0.25,
        "int8: landmarks, largest difference in sides of the face": 0.375,
    }


def test_a_precision_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise PrecisionUnavailable("no bf16 here")

    monkeypatch.setattr(precision, "FaceEngine", refuse)
    assert precision.analyze(load_settings(), [Path("a.jpg")]) is None


def test_speeds_are_told_beside_f32(tmp_path: Path, crop_png: Any) -> None:
    (tmp_path / "crop.png").write_bytes(crop_png(width=640, height=640))
    dummy = load_settings(runtime="dummy", streams=1)
    rows = list(precision.speeds({"f32": dummy, "int8": dummy}, tmp_path / "crop.png", Options(quick=True)))
    faces = 20 * 20  # the picture is white, and the dummy finds a face in each cell of 32 x 32
    assert [row.what for row in rows] == [
        f"crop, {faces} faces, 640 x 640: f32",
        f"crop, {faces} faces, 640 x 640: int8, times as fast as f32",
    ]
    assert all(row.value > 0 for row in rows)


def test_a_picture_that_cannot_be_used_is_named(tmp_path: Path, crop_png: Any) -> None:
    (tmp_path / "fine.png").write_bytes(crop_png(width=64, height=64))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    dummy = load_settings(runtime="dummy", streams=1)
    assert len(precision.analyze(dummy, [tmp_path / "fine.png"]) or ()) == 1
    with pytest.raises(UnsupportedFormat, match=r"broken\.png: the picture"):
        precision.analyze(dummy, [tmp_path / "fine.png", tmp_path / "broken.png"])
