from __future__ import annotations

from dataclasses import replace

import pytest

from vultus.runtime.triton.names import model_name
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit


def test_a_detector_has_a_model_for_each_canvas_and_others_have_one(probe: Model) -> None:
    wide = replace(probe.input, width=640, height=384)
    assert model_name(replace(probe, task="detection"), wide) == "probe_640x384"
    assert model_name(probe, probe.input) == "probe"
    assert model_name(replace(probe, task="attributes"), probe.input) == "probe"
