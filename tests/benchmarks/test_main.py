"""The command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.places import Missing
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options

pytestmark = pytest.mark.unit


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command with three made-up benchmarks."""

    def good(options: Options) -> Report:
        return Report("good", "of its kind", [Row("runs", options.pick(9, 1), "", Bar(">=", 1))])

    def bad(_: Options) -> Report:
        return Report("bad", "of its kind", [Row("runs", 0, "", Bar(">=", 1))])

    def absent(_: Options) -> Report:
        raise Missing("there is no folder of photographs")

    for name, function in (("good", good), ("bad", bad), ("absent", absent)):
        module = ModuleType(f"benchmarks.made_up_{name}")
        module.run = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(command, "MODULES", {name: f"made_up_{name}" for name in ("good", "bad")})
    made = typer.Typer()
    made.command()(command.main)
    return made


def test_one_benchmark_is_printed_and_kept(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["good", "--out", str(tmp_path / "good.json"), "--quick"])
    assert result.exit_code == 0
    assert "met" in result.output
    assert json.loads((tmp_path / "good.json").read_text())["rows"][0]["value"] == 1


def test_a_missed_bar_shows_in_the_exit_code(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["bad"])
    assert result.exit_code == 1
    assert "missed" in result.output


def test_all_goes_on_after_a_missed_bar_and_writes_the_table(app: typer.Typer, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["all", "--out", str(tmp_path)]).exit_code == 1
    assert {path.name for path in tmp_path.iterdir()} == {"good.json", "bad.json", "README.md"}


def test_all_leaves_out_what_needs_rare_hardware(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "NOT_IN_ALL", frozenset({"bad"}))
    assert CliRunner().invoke(app, ["all", "--out", str(tmp_path)]).exit_code == 0
    assert not (tmp_path / "bad.json").exists()
    assert command.MODULES.keys() >= command.NOT_IN_ALL


def test_what_is_missing_is_said_and_is_no_missed_bar(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MODULES", {"absent": "made_up_absent"})
    result = CliRunner().invoke(app, ["absent"])
    assert result.exit_code == 2
    assert "no folder of photographs" in result.output


def test_an_unknown_name_is_refused_with_those_known(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["nonsense"])
    assert result.exit_code == 2
    assert "good" in result.output


def test_every_benchmark_has_a_module() -> None:
    folder = Path(command.__file__).parent
    assert all((folder / f"{module}.py").is_file() for module in command.MODULES.values())
