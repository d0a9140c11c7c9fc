from __future__ import annotations

import os
from pathlib import Path

import pytest

from vultus.runtime import cores
from vultus.runtime.cores import available_cores, share_of_cores

pytestmark = pytest.mark.unit


def limit(folder: Path, text: str) -> Path:
    path = folder / "cpu.max"
    path.write_text(text)
    return path


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),  # one and a half: rounded up, or half a core would idle
        ("50000 100000", 1),
        ("9900000 100000", 8),
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_affinity_and_quota_both_bound(tmp_path: Path, text: str, cores: int) -> None:
    assert available_cores(limit(tmp_path, text)) == cores


@pytest.mark.usefixtures("eight_cores")
def test_without_a_cgroup_affinity_counts(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "absent") == 8


def test_without_affinity_the_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_cores(tmp_path / "absent") == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores(tmp_path / "absent") == 1


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 8])
def test_processes_share_all_cores_and_as_equally_as_can_be(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setattr(cores, "available_cores", lambda: 8)
    shares = [share_of_cores(index, processes) for index in range(processes)]
    assert sum(shares) == 8
    assert max(shares) - min(shares) <= 1


def test_each_process_has_a_core_even_where_there_are_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "available_cores", lambda: 2)
    assert [share_of_cores(index, 3) for index in range(3)] == [1, 1, 1]
