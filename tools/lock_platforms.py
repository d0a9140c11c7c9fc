"""Look whether every package of the images' locks has a wheel, with a locked hash, for the machines the images are for.

Asks the index that pip is set up with; prints one line for each machine and exits with 1 where something is missing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

LOCKS = Path(__file__).resolve().parents[1] / "requirements"
TARGETS = (
    ("base", "x86_64", "3.11", 36),
    ("base", "aarch64", "3.11", 36),
    ("gpu", "x86_64", "3.12", 39),
    ("triton", "x86_64", "3.11", 36),
    ("triton", "aarch64", "3.11", 36),
)
"""Lock, machine, and the Python and glibc (2.x) of the images' bases: Debian 12 and Ubuntu 24.04."""


def complaints(lock: str, machine: str, python: str, glibc: int) -> str:
    """What pip says of a lock that it cannot install there; nothing where it can."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(5, glibc + 1)] + [f"manylinux2014_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--target", folder, "--no-deps"]
            + ["--require-hashes", "--only-binary", ":all:", "--python-version", python]
            + [argument for platform in platforms for argument in ("--platform", platform)]
            + ["--requirement", str(LOCKS / f"{lock}.lock")],
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stderr if done.returncode else ""


def main() -> int:
    """Look at all targets; the exit code says whether all are served."""
    missing = False
    for target in TARGETS:
        found = complaints(*target)
        missing |= bool(found)
        name, machine, python, _ = target
        sys.stdout.write(f"{name}.lock on {machine}, Python {python}: {found.strip() or 'complete'}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
