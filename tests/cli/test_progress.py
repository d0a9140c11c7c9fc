"""Work behind a progress bar."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vultus.cli import progress

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("terminal", "total"), [(False, 3), (True, 3), (True, 1)])
def test_the_work_is_passed_on_and_a_bar_is_for_those_who_watch(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, total: int
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "error_console", lambda: Console(file=screen, force_terminal=terminal))
    assert list(progress.watched(iter(range(total)), total, "photographs")) == list(range(total))
    assert ("photographs" in screen.getvalue()) == (terminal and total > 1)
