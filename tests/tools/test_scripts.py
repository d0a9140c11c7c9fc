"""The scripts behind make: they work where they can, and say what to do where not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell"),
]

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def script(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "sh", TOOLS / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=dict(os.environ) | environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A program that calls itself Python and starts nothing, as version managers put on the PATH."""
    path = tmp_path / "python3.13"
    path.write_text("#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
    path.chmod(0o755)
    return path


def test_an_environment_is_made_with_the_named_interpreter(tmp_path: Path, stub: Path) -> None:
    folder = tmp_path / "environment"
    done = script("venv.sh", folder, PYTHON=f"{stub} {sys.executable}")
    assert done.returncode == 0, done.stderr
    version = subprocess.run([folder / "bin" / "python", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.split()[1] == ".".join(map(str, sys.version_info[:3]))


def test_a_broken_environment_is_made_anew(tmp_path: Path, stub: Path) -> None:
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    stub.rename(folder / "bin" / "python")
    done = script("venv.sh", folder, PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([folder / "bin" / "python", "-c", ""], check=False).returncode == 0


def test_without_a_suitable_python_it_says_what_is_needed(tmp_path: Path, stub: Path) -> None:
    done = script("venv.sh", tmp_path / "environment", PYTHON=str(stub))
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert str(stub) in done.stderr
    assert not (tmp_path / "environment").exists()


def test_a_package_whose_hash_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "nothing-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not what was locked")
    lock = tmp_path / "wrong.lock"
    lock.write_text(f"nothing @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    done = script("venv.sh", tmp_path / "environment", lock, PYTHON=sys.executable)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_packages_that_cannot_be_installed_are_named(tmp_path: Path) -> None:
    done = script("system_packages.sh", "wrk", "another", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "wrk another" in done.stderr
    assert "package manager" in done.stderr


def test_a_python_that_cannot_make_environments_is_told_apart(tmp_path: Path) -> None:
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)
    for name in ("sh", "dirname", "rm"):  # no apt-get: nothing can be installed
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = script("venv.sh", tmp_path / "environment", PYTHON=str(bare), PATH=str(tmp_path))
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert done.returncode == 1
    assert package in done.stderr
    assert not (tmp_path / "environment").exists()
