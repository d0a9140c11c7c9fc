"""Check the rules of the house that no linter knows, over every file git would take.

Prints one line for each breach and exits with 1 where there is any.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_BYTES = 1_000_000
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 80
FORBIDDEN_SUFFIXES = {".onnx", ".whl", ".zip", ".pb", ".npy", ".npz"}

# Where packages come from is the business of each user's own configuration.
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|https?://\S*/simple\b|(?:index-url|find-links)[ =]+\S*[:/]")
# A path of one machine means nothing on another.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|Users|root|mnt|media|work\w*)/\w")


def breaches(path: Path) -> Iterator[str]:
    """What is wrong with one file, each as ``place: what``."""
    name = path.relative_to(ROOT).as_posix()
    size = path.stat().st_size
    if size > MAX_BYTES:
        yield f"{name}: {size} bytes, more than {MAX_BYTES}"
        return
    if path.suffix in FORBIDDEN_SUFFIXES:
        yield f"{name}: files of this kind are fetched or built, not committed"
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # a picture
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRY.search(line):
            yield f"{name}:{number}: names a package registry"
        if MACHINE_PATH.search(line):
            yield f"{name}:{number}: holds an absolute path of one machine"
    if path.suffix == ".py":
        yield from _code_breaches(name, text)


def _code_breaches(name: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{name}: {lines} lines, more than {MAX_FILE_LINES}"
    for node in ast.walk(ast.parse(text, name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, more than {MAX_FUNCTION_LINES}"


def _files() -> Iterator[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise SystemExit(f"the rules of the house are checked over what git lists: {reason}") from None
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            yield ROOT / name


def main() -> int:
    """Check the tree; the exit code says whether it is clean."""
    found = [breach for path in sorted(_files()) for breach in breaches(path)]
    for breach in found:
        sys.stdout.write(breach + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
