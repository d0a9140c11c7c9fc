from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import vultus.cli.doctor
from vultus.cli.doctor import doctor, is_writable

pytestmark = pytest.mark.integration  # it looks at the real machine and opens the real engine

PACK = ("scrfd_500m_bnkps", "w600k_mbf", "2d106det")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("VULTUS_MODEL_CACHE", str(tmp_path / "cache"))
    app = typer.Typer()
    app.command()(doctor)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def problems_of(result: Result) -> list[dict[str, str]]:
    problems: list[dict[str, str]] = json.loads(result.stdout)["problems"]
    return problems


def test_a_machine_with_everything_has_no_problems(run: Callable[..., Result], shared_models: Path) -> None:
    result = run("--json", "--model-path", str(shared_models))
    told = json.loads(result.stdout)
    assert told["problems"] == []
    assert result.exit_code == 0
    assert told["networks"] == {name: f"{shared_models / f'{name}.onnx'}, verified" for name in PACK}
    assert told["python"].startswith(platform.python_version())
    assert told["cpu"]["cores"] >= 1
    assert "FP32" in told["engines"]["openvino"]["CPU"]
    assert told["cache"]["writable"] is True


def test_the_text_says_the_same(run: Callable[..., Result], shared_models: Path) -> None:
    result = run("--model-path", str(shared_models))
    assert result.exit_code == 0
    for part in ("cpu:", "cores:", "openvino:", "scrfd_500m_bnkps", "no problems found"):
        assert part in result.stdout
    assert re.search(r"^memory: [0-9.]+ [MGT]iB$", result.stdout, re.MULTILINE)


def test_a_network_that_is_known_by_name_only_is_a_problem(run: Callable[..., Result]) -> None:
    problems = problems_of(run("--json", "--embedder", "arcface_resnet50"))
    (told,) = [problem for problem in problems if "arcface_resnet50" in problem["what"]]
    assert "known by name only" in told["what"]
    assert "vultus models info arcface_resnet50" in told["advice"]


def test_missing_networks_are_problems_with_advice(run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 1
    for name in PACK:
        assert f"PROBLEM: the network {name} is not on this machine" in result.stdout
    assert "advice: run `vultus models pull`" in result.stdout
    assert "no problems" not in result.stdout


def test_a_wrong_file_is_named(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "w600k_mbf.onnx").write_bytes(b"something else")
    (problem,) = [one for one in problems_of(run("--json", "--model-path", str(tmp_path))) if "w600k" in one["what"]]
    assert str(tmp_path / "w600k_mbf.onnx") in problem["what"]
    assert "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f" in problem["what"]


def test_a_cache_that_cannot_be_written_is_a_problem_when_networks_are_missing(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = run("--json", "--model-cache", str(tmp_path / "file" / "cache"))
    assert json.loads(result.stdout)["cache"]["writable"] is False
    assert all("VULTUS_MODEL_CACHE" in problem["advice"] for problem in problems_of(result))


def test_the_licence_policy_is_looked_at(run: Callable[..., Result], shared_models: Path) -> None:
    arguments = ("--json", "--model-path", str(shared_models), "--license-policy", "permissive")
    assert [problem["advice"] for problem in problems_of(run(*arguments))] == ["set VULTUS_PACK=permissive"] * 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--device", "abacus"), "no device 'abacus'"),
        (("--pack", "smal"), "did you mean small"),
        (("--embedder", "nobody"), "no network is called 'nobody'"),
    ],
)
def test_settings_that_cannot_be_met_are_problems(
    run: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = run("--json", *arguments)
    assert result.exit_code == 1
    assert any(said in problem["what"] for problem in problems_of(result))


def test_two_builds_of_onnx_runtime_are_a_problem(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vultus.cli.doctor, "installed", lambda package: "1.26.0")
    assert any("overwrite each other" in problem["what"] for problem in problems_of(run("--json")))


def test_the_dummy_engine_needs_no_networks(run: Callable[..., Result]) -> None:
    result = run("--json", "--runtime", "dummy")
    assert problems_of(result) == []
    assert result.exit_code == 0


def test_a_folder_that_is_not_there_yet_is_writable_if_it_can_be_made(tmp_path: Path) -> None:
    assert is_writable(tmp_path / "a" / "b")
    (tmp_path / "file").write_bytes(b"")
    assert not is_writable(tmp_path / "file" / "b")
