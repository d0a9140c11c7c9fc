from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import ray
from benchmarks.ray import Death, Placement
from vultus import FaceEngine
from vultus.settings import load_settings

pytestmark = pytest.mark.unit

PLACEMENT = Placement(replicas=(1, 1), sent=(300, 200), answered=(300, 200))
DEATH = Death(before=400, after=500, not_good=0, lost=0, taken_along=4, newcomer=1)
HOPS = {"640x640x3": 3.5, "112x112x3": 1.5}


def missed(placement: Placement = PLACEMENT, death: Death = DEATH) -> list[str]:
    return [row.what for row in ray.rows(placement, death, HOPS) if row.met is False]


def test_what_has_to_be_meets_its_bars() -> None:
    assert not missed()
    values = {row.what: (row.value, row.unit) for row in ray.rows(PLACEMENT, DEATH, HOPS)}
    assert values["the survivor's answers after"] == (500.0, "")
    assert values["handing 640x640x3 pixels to another replica and back"] == (3.5, "ms")


def test_a_survivor_that_loses_or_fails_misses_them() -> None:
    assert missed(death=replace(DEATH, lost=1)) == ["requests to the survivor that got no answer"]
    assert missed(death=replace(DEATH, not_good=1)) == ["the survivor's answers that were not good"]
    assert missed(death=replace(DEATH, newcomer=0)) == ["replicas on the node that joined afterwards"]


def test_replicas_on_one_node_alone_miss_them() -> None:
    assert len(missed(replace(PLACEMENT, replicas=(2, 0), answered=(500, 0)))) == 4


def test_the_picture_shows_the_dummy_runtime_one_face() -> None:
    with FaceEngine(load_settings(runtime="dummy", streams=1)) as engine:
        assert len(engine.detect(ray.picture())) == 1
