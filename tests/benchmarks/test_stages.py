"""The stages of a picture one by one; how long they take is not looked at here."""

from __future__ import annotations

import pytest
from tests.needed import needed

from benchmarks import pictures, stages
from benchmarks.subject import open_engine

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("shared_models")
@pytest.mark.parametrize("aspect", ["picture", "square"])
def test_every_stage_gets_what_the_one_before_made(aspect: str) -> None:
    with needed():
        portrait = pictures.make().one_face
    with open_engine(streams=1, aspect=aspect) as engine:
        jobs = stages.stages(engine, portrait)
        for job in jobs.values():
            job()
    assert {"decode JPEG", "canvas", "detector network", "embed"} <= jobs.keys()
