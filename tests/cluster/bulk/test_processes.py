"""Several processes: the same parts, no more and no fewer, and an end where one of them dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.bulk.conftest import Heard, rows

from vultus.cluster.bulk import run as bulk_run
from vultus.cluster.bulk.order import networks
from vultus.errors import EngineError, OutputUnwritable, ResumeRefused

pytestmark = pytest.mark.integration

MakeIndex = Callable[..., dict[str, Any]]


def test_parts_are_the_same_as_of_one_process(album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard) -> None:
    make_index(album, out="one")
    heard.tally.pictures = 0
    made = make_index(album, processes=3)
    assert rows(tmp_path / "out") == rows(tmp_path / "one")
    assert made["counts"] == make_index(album, out="one")["counts"]
    assert heard.tally.pictures == 23


def test_more_processes_than_units_are_no_trouble(album: Path, make_index: MakeIndex) -> None:
    assert make_index(album, processes=2, part_size=1000)["parts"] == 1


def test_the_death_of_a_process_is_told_and_can_be_gone_on_from(
    album: Path, make_index: MakeIndex, heard: Heard
) -> None:
    def kill(_: Any) -> None:
        heard.on_tell = lambda _: None
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    heard.on_tell = kill
    with pytest.raises(EngineError, match="ended with code -9; run the command again to go on"):
        make_index(album, processes=1 + 1, part_size=1)
    assert not multiprocessing.active_children()
    assert make_index(album, part_size=1)["complete"] is True


def test_what_goes_wrong_in_a_process_is_told_as_such(
    album: Path, tmp_path: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"sha256": "0" * 64, "precision": "f32"}
    monkeypatch.setattr(bulk_run, "networks", lambda *given: dict.fromkeys(networks(*given), wrong))
    with pytest.raises(ResumeRefused, match="this machine has other files of"):  # each child looks for itself
        make_index(album, processes=2)
    assert not multiprocessing.active_children()


def test_an_output_that_cannot_be_written_ends_all_of_them(
    album: Path, tmp_path: Path, make_index: MakeIndex, heard: Heard
) -> None:
    parts = tmp_path / "out" / "parts"

    def spoil(_: Any) -> None:
        heard.on_tell = lambda _: None
        for path in parts.iterdir():
            path.unlink()
        parts.rmdir()

    heard.on_tell = spoil
    with pytest.raises(OutputUnwritable, match="cannot be written"):
        make_index(*[album] * 20, processes=2, part_size=2)
