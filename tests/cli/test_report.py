"""The report of many pictures: its counts, its bar, and which errors it does not swallow."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from vultus.cli.pictures import Picture
from vultus.cli.report import FaceView, Report
from vultus.errors import CorruptPicture, DeviceUnavailable, ModelUnavailable, VultusError, WrongCropSize
from vultus.types import Analysis, Face

pytestmark = pytest.mark.unit

VIEW = FaceView(lambda face: {"score": face.score}, ("score",), lambda face: (f"{face.score:.1f}",))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def analysis(faces: int) -> Analysis:
    return Analysis(64, 48, tuple(Face(np.zeros(4, np.float32), 0.5) for _ in range(faces)))


def named(name: str) -> Picture:
    return Picture(name, Path(name))


def test_several_pictures_are_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(3, VIEW, as_json=False) as report:
        report.add(named("a"), analysis(2))
        report.add(named("b"), CorruptPicture("damaged"))
        report.add(named("c"), analysis(1))
    out, err = capsys.readouterr()
    assert out.splitlines() == ["  2 faces        64 x 48  a", "   1 face        64 x 48  c"]
    assert err.splitlines()[0] == "error: b: damaged (picture_corrupt)"
    assert err.splitlines()[1].startswith("3 pictures, 3 faces, 1 failed in ")
    assert report.exit_code == 1


def test_one_picture_has_no_total(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(1, VIEW, as_json=False) as report:
        report.add(named("a"), analysis(1))
    out, err = capsys.readouterr()
    assert out.splitlines() == ["a: 64 x 48 pixels, 1 face", "face  score", "   1    0.5"]
    assert err == ""
    assert report.exit_code == 0


def test_json_lines_hold_results_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(2, VIEW, as_json=True) as report:
        report.add(named("a"), analysis(1))
        report.add(named("b"), WrongCropSize("not 112"))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"path": "a", "width": 64, "height": 48, "faces": [{"score": 0.5}]},
        {"path": "b", "error": {"code": "crop_size_wrong", "message": "not 112"}},
    ]


@pytest.mark.parametrize("error", [ModelUnavailable("no network"), DeviceUnavailable("no device")])
def test_an_error_that_is_not_the_pictures_own_is_raised(error: VultusError) -> None:
    with pytest.raises(type(error)), Report(2, VIEW, as_json=False) as report:
        report.add(named("a"), error)


def watched(monkeypatch: pytest.MonkeyPatch, *pictures: Picture, as_json: bool = True) -> str:
    """What standard error shows while pictures are reported, if it is a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), Report(len(pictures), VIEW, as_json=as_json) as report:
        report.begin()
        for picture in pictures:
            report.add(picture, analysis(0) if picture.error is None else picture.error)
    return terminal.getvalue()


def test_a_watched_report_shows_its_progress_and_keeps_results_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = watched(monkeypatch, named("a"), named("b"))
    assert "pictures" in shown
    assert "2/2" in shown
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_error_does_not_run_into_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = Picture("b", Path("b"), CorruptPicture("damaged"))
    shown = watched(monkeypatch, named("a"), damaged, named("c"), as_json=False)
    before = shown[: shown.index("error:")]
    assert before.endswith(("\x1b[2K", "\x1b[2K\x1b[1;31m"))  # the bar's line has been erased: ECMA-48, EL


def test_a_single_picture_needs_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, named("a")) == ""


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(2, VIEW, as_json=True) as report:
        report.add(named("a"), analysis(0))
        report.add(named("b"), analysis(0))
    assert len(capsys.readouterr().err.splitlines()) == 1
