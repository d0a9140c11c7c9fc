"""The rules of the house: each breach is found, and clean files pass."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.unit

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_tree.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_tree", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | bytes], list[str]]:
    """A function that says what is wrong with a file of the given name and content."""
    module = load()
    monkeypatch.setattr(module, "ROOT", tmp_path)

    def run(name: str, content: str | bytes) -> list[str]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(module.breaches(path))

    return run


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.md", "See ../shared and https://example.org/a/b, served at /v1/faces.\n"),
        ("short.py", "def f() -> int:\n" + "    print()\n" * 79),
        ("long.py", "pass\n" * 400),
        ("long.md", "line\n" * 5000),
        ("picture.png", b"\x89PNG\xff\xfe" * 100),
    ],
)
def test_clean_files_pass(check: Callable[[str, str | bytes], list[str]], name: str, content: str | bytes) -> None:
    assert check(name, content) == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("big.png", b"\xff" * 1_000_001, "big.png: 1000001 bytes"),
        ("net.onnx", b"\x08", "net.onnx: files of this kind"),
        ("a.lock", "one\n--index" + "-url https://example.org\n", "a.lock:2: names a package registry"),
        ("b.md", "https://py" + "pi.org/project/x\n", "b.md:1: names a package registry"),
        ("c.md", "https://example.org" + "/simple/x\n", "c.md:1: names a package registry"),
        ("d.md", "at /home" + "/me/x\n", "d.md:1: holds an absolute path"),
        ("long.py", "pass\n" * 401, "long.py: 401 lines"),
        ("fat.py", "x = 1\nasync def f() -> int:\n" + "    print()\n" * 80, "fat.py:2: f has 81 lines"),
    ],
)
def test_each_breach_is_named(
    check: Callable[[str, str | bytes], list[str]], name: str, content: str | bytes, expected: str
) -> None:
    (breach,) = check(name, content)
    assert breach.startswith(expected)


@pytest.mark.parametrize("has_git", [True, False])
def test_without_a_checkout_it_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_git: bool) -> None:
    module = load()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if not has_git:
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="git") as ended:
        module.main()
    assert "\n" not in str(ended.value)
