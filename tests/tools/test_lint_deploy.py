"""The script behind `make lint-deploy`, with stubs for its tools: what it does where one fails or is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell"),
]

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "lint_deploy.sh"
TOOLS = ("hadolint", "yamllint", "check-jsonschema", "zizmor", "python", "helm", "kubernetes-validate")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment in which every tool notes that it was called, and is content."""
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        stub(tmp_path, name, "exit 0")
    return tmp_path


def stub(environment: Path, name: str, script: str) -> None:
    path = environment / "bin" / name
    path.write_text(f'#!{shutil.which("sh")}\necho {name} >>"{environment}/called"\n{script}\n')
    path.chmod(0o755)


def lint(environment: Path, **more: str) -> subprocess.CompletedProcess[str]:
    system = environment / "system"
    system.mkdir()
    for name in ("sh", "dirname", "mktemp", "rm"):  # no helm of the machine's own, and no HAProxy
        (system / name).symlink_to(shutil.which(name) or name)
    return subprocess.run(
        [system / "sh", SCRIPT, environment],
        env={"PATH": str(system), "TMPDIR": str(environment)} | more,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_tool_is_asked(environment: Path) -> None:
    done = lint(environment, CI="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert set((environment / "called").read_text().split()) == set(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_one_complaint_is_enough(environment: Path, name: str) -> None:
    stub(environment, name, "echo complaint >&2; exit 1")
    done = lint(environment)
    assert done.returncode != 0
    assert "complaint" in done.stderr
    assert "no complaints" not in done.stdout


@pytest.mark.parametrize("name", ["helm", "hadolint"])
def test_what_has_no_wheel_for_a_machine_is_passed_over_but_not_in_ci(environment: Path, name: str) -> None:
    (environment / "bin" / name).unlink()
    done = lint(environment)
    assert done.returncode == 0
    assert f"{name} is not here" in done.stderr
    shutil.rmtree(environment / "system")
    assert lint(environment, CI="true").returncode == 1
