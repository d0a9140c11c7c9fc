"""Which networks are measured, and why others are not."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import models
from benchmarks.models import LABELS, Measured, examine, rows, why_not
from benchmarks.models_accuracy import BARS, Figures, NotMeasured
from benchmarks.models_speed import DEFAULTS, Bench
from benchmarks.subject import Options
from vultus.errors import IncompatibleGraph
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.store import Store

pytestmark = pytest.mark.unit

CATALOGUE = Catalogue.load()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one file, that of ``here``."""
    (tmp_path / "here.onnx").write_bytes(b"a network")
    return Store(tmp_path / "cache", [tmp_path], offline=True)


@pytest.fixture
def here() -> Model:
    """A detector whose file is there."""
    digest = hashlib.sha256(b"a network").hexdigest()
    return replace(CATALOGUE.model("scrfd_500m_bnkps"), name="here", file="here.onnx", sha256=digest, size=9)


class NoBench(Bench):
    """Takes no time."""

    def __init__(self, ratio: float | None) -> None:
        self._ratio = ratio

    def ratio(self, model: Model, rounds: int) -> float:
        if self._ratio is None:
            raise IncompatibleGraph("it cannot be run")
        return self._ratio


def test_a_network_that_is_here_is_measured(here: Model, store: Store) -> None:
    assert why_not(here, CATALOGUE, store) == ""


def test_why_a_network_is_not_measured(here: Model, store: Store) -> None:
    absent = CATALOGUE.model("det_10g")
    assert "not on the machine" in why_not(absent, CATALOGUE, store)
    assert "family" in why_not(replace(here, family="later"), CATALOGUE, store)
    assert "name only" in why_not(replace(here, sha256=None, md5=None), CATALOGUE, store)
    assert "part of another" in why_not(replace(here, task="companion"), CATALOGUE, store)
    lonely = replace(here, companions=("det_10g",))
    assert why_not(lonely, CATALOGUE, store) == "files were not on the machine that measured: det_10g"


def test_figures_and_time_are_kept(here: Model, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "measure", lambda model, options: {"found": 46.0})
    result = examine(here, CATALOGUE, store, NoBench(1.25), Options(quick=True))
    assert result == Measured("detection", f"sha256:{here.sha256}", {"found": 46.0}, "", 1.25)


def test_what_has_no_truth_still_has_a_time(here: Model, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: Model, options: Options) -> Figures:
        raise NotMeasured("no truth")

    monkeypatch.setattr(models, "measure", refuse)
    result = examine(here, CATALOGUE, store, NoBench(1.25), Options())
    assert (result.figures, result.why_not, result.time_ratio) == ({}, "no truth", 1.25)


def test_what_cannot_be_run_says_why(here: Model, store: Store) -> None:
    result = examine(here, CATALOGUE, store, NoBench(None), Options())
    assert (result.figures, result.why_not, result.time_ratio) == ({}, "it cannot be run", None)


def test_rows_carry_their_bars() -> None:
    result = Measured("embedding", "", {"lfw": 0.99}, time_ratio=1.0)
    accuracy, time = rows("w600k_mbf", result)
    assert (accuracy.value, accuracy.met) == (0.99, False)
    assert (time.what, time.met) == ("w600k_mbf: time beside w600k_mbf", None)
    assert list(rows("det_10g", Measured("detection", "", why_not="its file was not there"))) == []


def test_bars_and_defaults_are_of_the_catalogue() -> None:
    for name, figure in BARS:
        assert CATALOGUE.model(name).name == name
        assert figure in LABELS
    for task, name in DEFAULTS.items():
        assert CATALOGUE.model(name).task == task
