"""Looking for wheels of other machines: with pip for real, over a folder instead of an index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from tools import lock_platforms

pytestmark = pytest.mark.integration


def wheel(folder: Path, tag: str) -> str:
    """The smallest wheel pip takes, for machines of a tag; gives its line of a lock."""
    built, info = folder / f"tiny-1.0-py3-none-{tag}.whl", "tiny-1.0.dist-info"
    with zipfile.ZipFile(built, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-{tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(built.read_bytes()).hexdigest()}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where locks and wheels are, and pip looks for them."""
    monkeypatch.setattr(lock_platforms, "LOCKS", tmp_path)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize(("tag", "machine"), [("any", "aarch64"), ("manylinux_2_35_aarch64", "aarch64")])
def test_what_has_a_wheel_is_complete(folder: Path, tag: str, machine: str) -> None:
    (folder / "base.lock").write_text(wheel(folder, tag))
    assert lock_platforms.complaints("base", machine, "3.11", 36) == ""


@pytest.mark.parametrize("tag", ["manylinux_2_35_x86_64", "manylinux_2_37_aarch64", "win_arm64"])
def test_what_has_none_for_the_machine_is_named(folder: Path, tag: str) -> None:
    (folder / "base.lock").write_text(wheel(folder, tag))
    assert "tiny==1.0" in lock_platforms.complaints("base", "aarch64", "3.11", 36)


def test_a_wheel_with_another_hash_does_not_count(folder: Path) -> None:
    wheel(folder, "any")
    (folder / "base.lock").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    assert "DO NOT MATCH" in lock_platforms.complaints("base", "aarch64", "3.11", 36)


def test_the_exit_code_says_whether_all_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock_platforms, "TARGETS", (("base", "aarch64", "3.11", 36),))
    (folder / "base.lock").write_text(wheel(folder, "any"))
    assert lock_platforms.main() == 0
    assert capsys.readouterr().out == "base.lock on aarch64, Python 3.11: complete\n"
    (folder / "base.lock").write_text(wheel(folder, "win_arm64"))
    (folder / "tiny-1.0-py3-none-any.whl").unlink()
    assert lock_platforms.main() == 1
