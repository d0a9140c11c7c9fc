"""The program as a whole: help, version, how commands end, and that help waits for no engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vultus import __version__
from vultus.cli import detect
from vultus.cli.app import app
from vultus.cli.options import knobs_of
from vultus.settings import SERVER_GROUPS, Detection, Inference, Networks, PictureLimits, PicturesByName

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("dummy")]

Run = Callable[..., Result]

WIDE = {"COLUMNS": "220", "NO_COLOR": "1"}
HEAVY = {"cv2", "openvino", "onnxruntime", "fastapi", "starlette", "uvicorn", "PIL", "simplejpeg", "httpx", "pooch"}


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vultus", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_version_is_told(run: Run) -> None:
    assert run("--version").stdout == f"vultus {__version__}\n"


def test_help_lists_the_commands_and_the_exit_codes(run: Run) -> None:
    output = CliRunner(env=WIDE).invoke(app, ["--help"]).output
    for command in ("detect", "embed", "index", "compare", "serve", "models", "doctor", "migrate"):
        assert f" {command} " in output
    assert "Exit codes: 0 all went well; 1 some or all pictures could not be used" in output


@pytest.mark.parametrize(
    ("command", "groups", "hidden"),
    [
        ("serve", SERVER_GROUPS, set()),
        ("detect", (Networks, Inference, Detection, PictureLimits), set()),
        ("embed", (Networks, Inference, Detection, PictureLimits), set()),
        ("index", (Networks, Inference, Detection, PictureLimits, PicturesByName), {"fetch_urls"}),
        ("compare", (Networks, Inference, Detection, PictureLimits), {"threshold"}),
    ],
)
def test_help_of_each_command_lists_its_settings(command: str, groups: tuple[type, ...], hidden: set[str]) -> None:
    output = CliRunner(env=WIDE).invoke(app, [command, "--help"]).output
    for knob in (knob for group in groups for knob in knobs_of(group) if knob.name not in hidden):
        assert f" {knob.flag} " in output
        assert knob.variable in output
    assert "Exit codes: " in output


@pytest.mark.parametrize(
    ("command", "code_1"),
    [
        (["detect"], "1 some or all pictures"),
        (["compare"], "1 different persons"),
        (["serve"], "1 an unexpected failure"),
        (["doctor"], "1 something does"),
        (["migrate"], "1 a variable is an error"),
        (["migrate", "check"], "1 a variable is an error"),
        *((["models", *name], "1 verify found") for name in ([], ["list"], ["pull"], ["verify"], ["path"], ["info"])),
    ],
)
def test_help_says_what_exit_code_1_means_for_the_command(command: list[str], code_1: str) -> None:
    assert code_1 in CliRunner(env=WIDE).invoke(app, [*command, "--help"]).output


def test_help_fits_a_narrow_terminal() -> None:
    narrow = {"COLUMNS": "80", "NO_COLOR": "1"}
    for command in ([], ["detect"], ["embed"], ["compare"], ["serve"], ["migrate", "check"]):
        output = CliRunner(env=narrow).invoke(app, [*command, "--help"]).output
        assert max(len(line) for line in output.splitlines()) <= 80
        assert "…" not in output


def test_help_loads_no_engine_and_no_server() -> None:
    script = (
        "import sys\nfrom vultus.cli import main\nsys.argv = ['vultus', 'serve', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    result = run("detekt")
    assert result.exit_code == 2
    assert "detect" in result.stderr


def test_a_bad_setting_names_its_variable(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CANVAS", "100")
    result = run("detect", "--json", one)
    assert result.exit_code == 2
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "settings_invalid"
    assert "VULTUS_CANVAS" in error["message"]
    assert run("detect", "--json", "--canvas", 640, one).exit_code == 0


def test_a_misspelt_variable_is_warned_about(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CAVNAS", "320")
    result = run("detect", one)
    assert result.exit_code == 0
    assert result.stderr == "warning: VULTUS_CAVNAS is no setting; did you mean VULTUS_CANVAS?\n"


def test_errors_of_the_models_commands_end_the_same_way(run: Run) -> None:
    result = run("models", "info", "nothing-of-this-name", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["code"] == "model_unknown"


def test_an_interruption_is_quiet(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(detect, "analyze_all", interrupt)
    result = run("detect", one)
    assert (result.exit_code, result.output) == (130, "")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_the_real_program_with_130(one: Path) -> None:
    with start("detect", "--json", *[one] * 3000) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # it is at work
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"")


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize("form", [["--json"], []])
def test_a_reader_that_has_seen_enough_is_no_error(one: Path, form: list[str]) -> None:
    with start("detect", *form, *[one] * 3000) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_the_real_program_works_from_end_to_end(one: Path, broken: Path) -> None:
    with start("detect", "--json", one, broken) as process:
        output, errors = process.communicate()
    first, second = map(json.loads, output.splitlines())
    assert process.returncode == 1
    assert first["faces"][0]["box"] == [96, 64, 128, 96]
    assert second["error"]["code"] == "picture_corrupt"
    assert b"2 pictures, 1 face, 1 failed" in errors
