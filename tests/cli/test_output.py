"""Exit codes, and what is said on which stream."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from vultus import errors
from vultus.cli.output import exit_code_of, json_name, print_error, print_json, print_note, print_table, printable

pytestmark = pytest.mark.unit

CODES: dict[type, int] = {
    errors.PictureError: 1,
    errors.SettingsError: 2,
    errors.OutputUnwritable: 2,
    errors.GroundTruthError: 2,
    errors.RequestError: 2,
    errors.UnknownModel: 2,
    errors.CatalogueError: 2,
    errors.ModelUnavailable: 3,
    errors.HashMismatch: 3,
    errors.LicenseRefused: 3,
    errors.IncompatibleGraph: 3,
    errors.EngineError: 3,
}


def tree(kind: type[errors.VultusError]) -> Iterator[type[errors.VultusError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from tree(inner)


@pytest.mark.parametrize("kind", [kind for kind in tree(errors.VultusError) if kind.__module__ == errors.__name__])
def test_every_error_has_the_documented_exit_code(kind: type[errors.VultusError]) -> None:
    documented = next((code for known, code in CODES.items() if issubclass(kind, known)), 3)
    assert exit_code_of(kind("message")) == documented


def test_an_error_is_one_line_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    print_error(errors.CorruptPicture("a sentence that is longer than twenty columns"), about="folder/[red]name.jpg")
    out, err = capsys.readouterr()
    assert out == ""
    expected = "error: folder/[red]name.jpg: a sentence that is longer than twenty columns (picture_corrupt)\n"
    assert err == expected


def test_an_error_is_an_object_where_results_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(errors.SettingsError("wrong"), as_json=True)
    print_error(errors.CorruptPicture("wrong"), about="a.jpg", as_json=True)
    first, second = capsys.readouterr().err.splitlines()
    assert json.loads(first) == {"error": {"code": "settings_invalid", "message": "wrong"}}
    assert json.loads(second) == {"path": "a.jpg", "error": {"code": "picture_corrupt", "message": "wrong"}}


def test_the_name_is_not_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(errors.PictureUnreachable("a.jpg cannot be read"), about="a.jpg")
    assert capsys.readouterr().err == "error: a.jpg cannot be read (picture_unreachable)\n"


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_note("warning", "look [here]")
    assert capsys.readouterr() == ("", "warning: look [here]\n")


def test_json_is_one_line_of_plain_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"box": np.array([0.1, 2], np.float32), "score": 0.5})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"box": [0.1, 2.0], "score": 0.5}


def test_a_table_keeps_its_columns_apart_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("face", "name"), [("1", "x" * 120)])
    assert capsys.readouterr().out.splitlines()[1].split() == ["1", "x" * 120]


def test_a_table_is_not_cut_to_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("name", "size"), [("n" * 60, "1 MB")], numbers=False)
    assert capsys.readouterr().out.splitlines()[1].split() == ["n" * 60, "1", "MB"]


def test_names_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[31mb\ud800ü.jpg") == "a�[31mb�ü.jpg"


def test_names_that_are_not_unicode_can_be_json() -> None:
    assert json_name("caf\udce9.jpg") == "caf�.jpg"
    assert json_name("café.jpg") == "café.jpg"
