"""What the tests rely on: marks that exclude each other, no settings of the user's, and no silent gaps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite of its own that uses this one's conftest, two folders below which there is no ``shared``."""
    folder = tmp_path / "checkout" / "tests"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    benchmarks = tmp_path / "checkout" / "benchmarks"
    benchmarks.mkdir()
    (benchmarks / "places.py").write_bytes((ROOT / "benchmarks" / "places.py").read_bytes())
    (tmp_path / "checkout" / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return folder


def run(suite: Path, test: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (suite / "test_it.py").write_text(f"import os\nimport pytest\n\n{test}")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=suite.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("VULTUS_")}
        | {"PYTHONPATH": str(ROOT / "src")}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_skipped_for_want_of_data_is_said_loudly(suite: Path) -> None:
    done = run(suite, "@pytest.mark.unit\n@pytest.mark.parametrize('n', [1, 2])\ndef test(shared_models, n): pass\n")
    assert done.returncode == 0, done.stdout
    assert "!! not the whole suite !!" in done.stdout
    assert "2 tests were SKIPPED" in done.stdout


def test_settings_of_the_user_do_not_reach_tests_and_places_do(suite: Path) -> None:
    seen = "[name for name in os.environ if name.startswith('VULTUS_')]"
    test = f"@pytest.mark.unit\ndef test(): assert {seen} == ['VULTUS_BENCHMARK_DATA']\n"
    done = run(suite, test, VULTUS_PACK="nonsense", VULTUS_MODEL_PATH="/nowhere", VULTUS_BENCHMARK_DATA="here")
    assert done.returncode == 0, done.stdout
    assert "not the whole suite" not in done.stdout


@pytest.mark.parametrize("marks", ["", "@pytest.mark.unit\n@pytest.mark.integration\n"])
def test_a_test_without_one_clear_mark_is_refused(suite: Path, marks: str) -> None:
    done = run(suite, f"{marks}def test(): pass\n")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "exactly one of the marks" in done.stderr
