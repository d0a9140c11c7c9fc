"""``vultus models quantize``, with real networks on real photographs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vultus.cli.app import app
from vultus.evaluate.int8 import LIMITS, OTHER_FACES

Run = Callable[..., Result]


@pytest.mark.unit
def test_help_tells_limits_and_exit_codes_and_fits_a_narrow_terminal() -> None:
    output = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["models", "quantize", "--help"]).output
    text = " ".join(output.replace("│", " ").split())
    assert "1 a network was refused" in text
    for limit in (LIMITS.mean_cosine, LIMITS.cosine, LIMITS.iou, LIMITS.landmarks_share, LIMITS.similarity_change):
        assert f"[{limit:g}]." in text
    assert f"[{OTHER_FACES:.0%}".replace("%", " %") in text
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "…" not in output


@pytest.mark.unit
def test_without_the_library_it_says_how_to_get_it(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    result = run("models", "quantize", one)
    assert (result.exit_code, "vultus[onnx]" in result.stderr) == (3, True)


@pytest.mark.unit
def test_pictures_without_a_face_leave_nothing_to_calibrate_on(run: Run, none: Path) -> None:
    result = run("models", "quantize", none)
    assert result.exit_code == 2
    assert "w600k_mbf" in result.stderr


@pytest.mark.unit
def test_a_network_that_is_not_in_use_is_refused(run: Run, one: Path) -> None:
    result = run("models", "quantize", one, "--model", "2d106det")
    assert (result.exit_code, "2d106det is not in use" in result.stderr) == (2, True)


@pytest.fixture
def real(shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program with real networks and a cache of its own."""
    given = {"MODEL_PATH": shared_models, "MODEL_CACHE": tmp_path / "cache", "OFFLINE": "true", "STREAMS": "2"}
    for name, value in given.items():
        monkeypatch.setenv(f"VULTUS_{name}", str(value))
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.integration
def test_int8_is_made_kept_and_used(real: Run, shared_data: Path, tmp_path: Path) -> None:
    photographs = shared_data / "compreface_samples"
    early = real("embed", photographs / "004_A.jpg", "--precision", "int8")
    assert (early.exit_code, "vultus models quantize" in early.stderr) == (3, True)

    result = real("models", "quantize", photographs, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["pictures"], told["held_out"]) == (12, True)  # two thirds of 18
    assert [network["name"] for network in told["networks"]] == ["scrfd_500m_bnkps", "w600k_mbf"]
    assert all(Path(network["path"]).parent == tmp_path / "cache" for network in told["networks"])

    drift = real("evaluate", "drift", photographs, "--precision", "int8", "--against", "openvino/f32",
                 "--min-cosine", "0.9", "--max-change", "0.1", "--json")  # fmt: skip
    assert drift.exit_code == 0, drift.stdout
    judged = json.loads(drift.stdout)
    assert judged["setup"]["precision"] == "int8"
    assert judged["paired"] == 46  # all faces of the samples
    assert 0.985 < judged["cosine"]["mean"] < 0.9999  # near, but int8 indeed


@pytest.mark.integration
def test_of_what_is_beyond_a_limit_nothing_is_kept_and_the_table_shows_which(
    real: Run, shared_data: Path, tmp_path: Path
) -> None:
    result = real(
        "models", "quantize", shared_data / "compreface_samples", "--model", "w600k_mbf", "--min-cosine", "0.9999"
    )
    assert result.exit_code == 1
    (missed,) = [line for line in result.stdout.splitlines() if line.endswith("missed")]
    assert "cosine, least" in missed
    assert ">= 0.9999" in missed
    assert "w600k_mbf: refused: least cosine" in result.stdout
    assert list((tmp_path / "cache").iterdir()) == []
