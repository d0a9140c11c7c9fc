from __future__ import annotations

import io
import logging
import sys

import pytest

from vultus.zoo.progress import show_progress

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_progress("pack.zip") as report:
        report(500_000, 2_000_000)
        report(2_000_000, 2_000_000)
    shown = terminal.getvalue()
    assert "pack.zip" in shown
    assert "2.0/2.0 MB" in shown
    assert capsys.readouterr().out == ""


def test_elsewhere_the_log_tells_of_beginning_and_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    with caplog.at_level(logging.INFO), show_progress("pack.zip") as report:
        report(1, None)
        assert caplog.messages == ["fetching pack.zip"]
    assert caplog.messages == ["fetching pack.zip", "fetched pack.zip"]
    assert quiet.getvalue() == ""


def test_what_failed_is_not_said_to_be_fetched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with caplog.at_level(logging.INFO), pytest.raises(OSError, match="gone"), show_progress("pack.zip"):
        raise OSError("gone")
    assert caplog.messages == ["fetching pack.zip"]
