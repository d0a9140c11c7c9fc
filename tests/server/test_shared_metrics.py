"""Processes are played by identities: what one of them keeps in the folder does not depend on who it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, values
from prometheus_client.parser import text_string_to_metric_families

from vultus.server import shared_metrics

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """``share`` changes the whole process."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)


class Somebody:
    """A process of this name, with its instruments."""

    def __init__(self, folder: Path, identity: str) -> None:
        shared_metrics.share(folder, identity)
        self.registry = CollectorRegistry()
        self.done = Counter("done", "What was done.", registry=self.registry)
        self.waiting = Gauge("waiting", "What waits.", registry=self.registry, multiprocess_mode="livesum")


def figures(registry: CollectorRegistry) -> dict[str, float]:
    text = shared_metrics.exposition(registry).decode()
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def test_a_process_alone_tells_its_own() -> None:
    registry = CollectorRegistry()
    Counter("done", "What was done.", registry=registry).inc(3)
    assert figures(registry)["done_total"] == 3


def test_whoever_is_asked_tells_the_sum(tmp_path: Path) -> None:
    first, second = Somebody(tmp_path, "0-0"), Somebody(tmp_path, "1-0")
    first.done.inc(2)
    second.done.inc(5)
    first.waiting.set(1)
    second.waiting.set(3)
    for somebody in (first, second):
        assert figures(somebody.registry) == {"done_total": 7, "waiting": 4}


def test_of_who_is_gone_the_counts_stay_and_the_state_goes(tmp_path: Path) -> None:
    first, second = Somebody(tmp_path, "0-0"), Somebody(tmp_path, "1-0")
    first.done.inc(2)
    first.waiting.set(1)
    second.waiting.set(3)
    shared_metrics.forget(tmp_path, "0-0")
    assert figures(second.registry) == {"done_total": 2, "waiting": 3}


def test_who_takes_a_name_counts_on_and_leaves_no_further_files(tmp_path: Path) -> None:
    Somebody(tmp_path, "0-0").done.inc(2)
    files = len(list(tmp_path.iterdir()))
    again = Somebody(tmp_path, "0-0")
    again.done.inc()
    assert figures(again.registry)["done_total"] == 3
    assert len(list(tmp_path.iterdir())) == files
