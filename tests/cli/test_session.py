"""The engine of a command: no more networks than the plan needs, and its log where the user looks."""

from __future__ import annotations

import logging

import pytest

from vultus.cli.session import log_as_notes, open_engine
from vultus.settings import Settings
from vultus.types import Plan

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("plan", "embedder", "attributes"),
    [
        (Plan(embeddings=False), None, ()),
        (Plan(), "w600k_mbf", ()),
        (Plan(attributes=frozenset({"landmarks106"})), "w600k_mbf", ("2d106det",)),
    ],
)
def test_the_profile_names_what_the_plan_needs(plan: Plan, embedder: str | None, attributes: tuple[str, ...]) -> None:
    with open_engine(Settings(runtime="dummy"), plan) as (_, profile):
        assert profile.detector == "scrfd_500m_bnkps"
        assert (profile.embedder, profile.attributes) == (embedder, attributes)


def test_fetching_and_warnings_are_shown_and_the_rest_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with log_as_notes():
        logging.getLogger("vultus.zoo.store").info("fetching w600k_mbf")
        logging.getLogger("vultus.engine").warning("something is left out")
        logging.getLogger("vultus.engine").info("a detail")
    logging.getLogger("vultus.zoo.store").info("after the command")
    assert capsys.readouterr() == ("", "note: fetching w600k_mbf\nwarning: something is left out\n")
