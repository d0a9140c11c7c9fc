"""The engine of a command: no more networks than the plan needs, and its log where the user looks."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from vultus.cli.session import log_as_notes, open_engine
from vultus.errors import IncompatibleGraph
from vultus.runtime.dummy import DummyNetwork, DummyRuntime
from vultus.settings import Settings
from vultus.types import InputSpec, Plan
from vultus.zoo.catalogue import Model

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


@pytest.mark.parametrize(
    ("plan", "networks"),
    [
        (Plan(embeddings=False), ["scrfd_500m_bnkps"]),
        (Plan(), ["scrfd_500m_bnkps", "w600k_mbf"]),
        (Plan(detect=False), ["w600k_mbf"]),
    ],
)
def test_what_the_plan_needs_is_loaded_at_once_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, networks: list[str]
) -> None:
    loaded: list[str] = []
    load = DummyRuntime.load

    def noted(self: DummyRuntime, model: Model, path: Path, spec: InputSpec) -> DummyNetwork:
        loaded.append(model.name)
        return load(self, model, path, spec)

    monkeypatch.setattr(DummyRuntime, "load", noted)
    with open_engine(Settings(runtime="dummy"), plan):
        assert loaded == networks


@pytest.mark.parametrize("plan", [Plan(), Plan(detect=False)])
def test_a_network_that_cannot_be_loaded_ends_the_command_not_a_picture(
    monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    def load(self: DummyRuntime, model: Model, path: Path, spec: InputSpec) -> DummyNetwork:
        raise IncompatibleGraph(f"{model.name} is broken")

    monkeypatch.setattr(DummyRuntime, "load", load)
    with pytest.raises(IncompatibleGraph), open_engine(Settings(runtime="dummy"), plan):
        pass


def test_fetching_and_warnings_are_shown_and_the_rest_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with log_as_notes():
        logging.getLogger("vultus.zoo.store").info("fetching w600k_mbf")
        logging.getLogger("vultus.engine").warning("something is left out")
        logging.getLogger("vultus.engine").info("a detail")
    logging.getLogger("vultus.zoo.store").info("after the command")
    assert capsys.readouterr() == ("", "note: fetching w600k_mbf\nwarning: something is left out\n")
