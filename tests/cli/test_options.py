"""Options made from settings: one for each, with the right name, kind and default, and the right precedence."""

from __future__ import annotations

import inspect

import pytest
import typer
from typer.testing import CliRunner

from vultus.cli.options import Knob, knobs_of, title_of, with_settings
from vultus.errors import SettingsError
from vultus.settings import GROUPS, Detection, Inference, Networks, PictureLimits, Settings

pytestmark = pytest.mark.unit

KNOBS = {knob.name: knob for group in GROUPS for knob in knobs_of(group)}


def program(*groups: type) -> tuple[typer.Typer, list[Settings]]:
    """A program of one command that remembers the settings it was given."""
    app, seen = typer.Typer(), []

    @app.command()
    @with_settings(*groups)
    def remember(settings: Settings, word: str, loud: bool = False) -> None:
        seen.append(settings)
        typer.echo(word.upper() if loud else word)

    return app, seen


def test_each_setting_is_one_knob() -> None:
    assert set(KNOBS) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "kind", "limits", "default", "many"),
    [
        ("pack", "TEXT", "", "small", False),
        ("detector", "TEXT", "", "", False),
        ("models", "PATH", "", "", True),
        ("model_cache", "PATH", "", "vultus/models below $XDG_CACHE_HOME or ~/.cache", False),
        ("offline", "FLAG", "", "off", False),
        ("precision", "f32|bf16|fp16|int8|auto", "", "f32", False),
        ("streams", "INTEGER", "≥ 0, ≤ 1024", "0", False),
        ("canvas", "INTEGER", "≥ 64, ≤ 4096, a multiple of 32", "640", False),
        ("threshold", "NUMBER", "> 0, < 1", "0.5", False),
        ("max_picture_bytes", "SIZE", "", "20.0MiB", False),
        ("image_root", "PATH", "", "", False),
        ("dialects", "TEXT", "", ", ".join(Settings().dialects), True),
    ],
)
def test_a_knob_tells_what_the_field_says(name: str, kind: str, limits: str, default: str, many: bool) -> None:
    knob = KNOBS[name]
    assert (knob.kind, knob.limits, knob.default, knob.many) == (kind, limits, default, many)
    assert knob.help == Settings.model_fields[name].description


def test_names_follow_from_the_field() -> None:
    assert KNOBS["nms_threshold"].flag == "--nms-threshold"
    assert KNOBS["nms_threshold"].variable == "VULTUS_NMS_THRESHOLD"


def test_choices_are_those_of_the_type() -> None:
    assert KNOBS["runtime"].choices == ["auto", "openvino", "onnx", "triton", "dummy"]
    assert KNOBS["device"].choices == []


def test_groups_have_titles() -> None:
    assert [title_of(group) for group in GROUPS] == [
        "Networks",
        "Inference",
        "Detection",
        "Picture limits",
        "Request limits",
        "Connections",
        "Admission",
        "Pictures by name",
        "Server",
        "Access",
        "Operations",
        "InsightFace-REST",
        "ArcFace API",
        "CompreFace",
        "Ray",
    ]


def test_a_command_keeps_its_own_parameters_and_gains_the_settings() -> None:
    @with_settings(Detection)
    def command(settings: Settings, word: str, threshold: float = 0.3) -> None:
        """Never run."""

    # Its own threshold hides the setting of that name.
    assert list(inspect.signature(command).parameters) == [
        "word",
        "threshold",
        "canvas",
        "aspect",
        "decode",
        "shrink",
        "second_canvas",
        "nms_threshold",
    ]


def test_option_before_environment_before_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CANVAS", "320")
    monkeypatch.setenv("VULTUS_THRESHOLD", "0.7")
    monkeypatch.delenv("VULTUS_NMS_THRESHOLD", raising=False)
    app, seen = program(Detection)
    result = CliRunner().invoke(app, ["hello", "--loud", "--canvas", "448"])
    assert result.exit_code == 0, result.output
    assert result.output == "HELLO\n"
    assert (seen[0].canvas, seen[0].threshold, seen[0].nms_threshold) == (448, 0.7, None)


def test_a_switch_can_be_turned_off_against_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_OFFLINE", "true")
    app, seen = program(Networks)
    for arguments in ([], ["--offline"], ["--no-offline"]):
        assert CliRunner().invoke(app, ["x", *arguments]).exit_code == 0
    assert [settings.offline for settings in seen] == [True, True, False]


def test_a_list_may_be_given_by_repeating_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_MODEL_PATH", "from-environment")
    app, seen = program(Networks)
    assert CliRunner().invoke(app, ["x", "--model-path", "a", "--model-path", "b"]).exit_code == 0
    assert CliRunner().invoke(app, ["x"]).exit_code == 0
    assert [[str(path) for path in settings.model_path] for settings in seen] == [["a", "b"], ["from-environment"]]


def test_a_value_out_of_range_is_a_settings_error() -> None:
    app, seen = program(Detection)
    result = CliRunner().invoke(app, ["x", "--canvas", "100"])
    assert isinstance(result.exception, SettingsError)
    assert "canvas" in result.exception.message
    assert not seen


def test_help_shows_each_option_its_variable_and_its_default() -> None:
    app, _ = program(Networks, Inference, Detection, PictureLimits)
    output = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    shown = [knob for group in (Networks, Inference, Detection, PictureLimits) for knob in knobs_of(group)]
    for knob in shown:
        assert _line(output, knob), knob.name


def _line(output: str, knob: Knob) -> bool:
    default = "" if knob.default in ("", "off") else f"default: {knob.default}; "
    return any(f" {knob.flag} " in line and f"[{default}{knob.variable}]" in line for line in output.splitlines())
