"""The README's example: the answer it prints is the answer it gets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from vultus import FaceEngine
from vultus.settings import load_settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_that_is_posted_has_the_answer_that_is_printed(shared_models: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"curl -F file=@(\S+)", readme)
    (block,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    printed = json.loads(block.replace("...", "0"))
    (said,) = printed["pictures"]

    with FaceEngine(load_settings(model_path=(shared_models,), offline=True)) as engine:
        found = engine.analyze(ROOT / picture)
        networks = [engine.model(name) for name in ("scrfd_500m_bnkps", "w600k_mbf", "2d106det")]

    assert (said["width"], said["height"]) == (found.width, found.height)
    assert len(said["faces"]) == len(found.faces) == 1
    face, shown = found.faces[0], said["faces"][0]
    np.testing.assert_allclose(shown["box"], face.box, atol=0.01)
    np.testing.assert_allclose(shown["landmarks"], np.asarray(face.landmarks), atol=0.01)
    assert shown["score"] == pytest.approx(face.score, abs=0.001)
    told = [printed["model"]["detector"], printed["model"]["embedder"], *printed["model"]["attributes"]]
    assert [(one["name"], one["sha256"], one["licence"], one["commercial_use"]) for one in told] == [
        (model.name, str(model.sha256)[:12], model.licence, model.commercial_use) for model in networks
    ]
