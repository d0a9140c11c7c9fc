"""The scripts behind make: they work where they can, and say what to do where not."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
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


def wheel(folder: Path, name: str) -> Path:
    """The smallest wheel pip takes: https://packaging.python.org/specifications/binary-distribution-format/."""
    built = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(built, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return built


def locked(*wheels: Path) -> str:
    digests = [hashlib.sha256(built.read_bytes()).hexdigest() for built in wheels]
    return "".join(f"{b.name[:5]} @ {b.as_uri()} --hash=sha256:{d}\n" for b, d in zip(wheels, digests, strict=True))


def holds(folder: Path, name: str) -> bool:
    return (
        subprocess.run(
            [folder / "bin" / "python", "-c", f"import {name}"], stderr=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


def test_what_leaves_a_lock_leaves_the_environment(tmp_path: Path) -> None:
    folder, first, second = tmp_path / "environment", tmp_path / "a.lock", tmp_path / "b.lock"
    one, two, more = (wheel(tmp_path, name) for name in ("tiny1", "tiny2", "tiny3"))
    first.write_text(locked(one, two))
    second.write_text(locked(more))

    assert script("venv.sh", folder, first, PYTHON=sys.executable).returncode == 0
    assert [holds(folder, name) for name in ("tiny1", "tiny2", "tiny3")] == [True, True, False]
    added = script("venv.sh", folder, first, second)  # without a change nothing is made anew
    assert (added.returncode, added.stdout.count("Making"), added.stdout.count("Installing the")) == (0, 0, 1)
    assert holds(folder, "tiny3")
    assert script("venv.sh", folder, first, second).stdout == ""

    first.write_text(locked(two))
    changed = script("venv.sh", folder, first, PYTHON=sys.executable)
    assert changed.stdout.startswith("Making ")
    assert [holds(folder, name) for name in ("tiny1", "tiny2", "tiny3")] == [False, True, False]


def test_an_environment_whose_interpreter_was_replaced_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    assert script("venv.sh", folder, PYTHON=sys.executable).returncode == 0
    (libraries,) = folder.glob("lib/python3.*")
    libraries.rename(libraries.with_name("python3.0"))  # another minor version looks for packages elsewhere
    done = script("venv.sh", folder, PYTHON=sys.executable)
    assert done.stdout.startswith("Making ")
    assert holds(folder, "pip")


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


@pytest.mark.parametrize(
    ("uid", "sudo", "installs"), [(0, None, True), (1000, 0, True), (1000, 1, False), (1000, None, False)]
)
def test_packages_are_installed_as_root_or_by_a_sudo_that_asks_nothing(
    tmp_path: Path, uid: int, sudo: int | None, installs: bool
) -> None:
    log = tmp_path / "log"
    programs = {
        "id": f"echo {uid}",
        "apt-get": f'echo "$DEBIAN_FRONTEND $*" >>{log}',
        "env": 'export "$1"; shift; "$@"',
    }
    if sudo is not None:
        programs["sudo"] = f'[ "$1" = -n ] && [ {sudo} = 0 ] || exit 1; shift; echo sudo >>{log}; "$@"'
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!{shutil.which('sh')}\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = script("system_packages.sh", "wrk", "another", PATH=str(tmp_path), DEBIAN_FRONTEND="")
    assert (done.returncode == 0) == installs
    assert log.exists() == installs
    if installs:
        lines = log.read_text().splitlines()
        assert lines[-1] == "noninteractive install -qq -y --no-install-recommends wrk another"
        assert ("sudo" in lines) == (uid != 0)


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
