"""Where the benchmarks find weights, photographs and the reference implementation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results"
PICTURES = REPOSITORY / "out" / "pictures"

_FIND_INSIGHTFACE = "import importlib.util as u; print(u.find_spec('insightface').submodule_search_locations[0])"


class Missing(Exception):
    """Something a measurement needs is not on this machine; the message says what and how to get it."""


def models() -> tuple[Path, ...]:
    """Folders of network files: those of ``VULTUS_MODEL_PATH``, else ``../shared/models``.

    Raises:
        Missing: One of them does not exist.
    """
    given = [part for part in os.environ.get("VULTUS_MODEL_PATH", "").split(os.pathsep) if part]
    folders = given or [str(REPOSITORY.parent / "shared" / "models")]
    return tuple(_folder(Path(folder), "VULTUS_MODEL_PATH") for folder in folders)


def network(file: str) -> Path:
    """A network's file, in the first folder that has it.

    Raises:
        Missing: None has.
    """
    for folder in models():
        if (folder / file).is_file():
            return folder / file
    raise Missing(f"{file} is in none of {', '.join(map(str, models()))}; set VULTUS_MODEL_PATH to where it is")


def data(name: str) -> Path:
    """Folder ``name`` of photographs with ground truth, below ``VULTUS_BENCHMARK_DATA`` or ``../shared/data``.

    Raises:
        Missing: There is no such folder.
    """
    base = Path(os.environ.get("VULTUS_BENCHMARK_DATA") or REPOSITORY.parent / "shared" / "data")
    return _folder(base / name, "VULTUS_BENCHMARK_DATA")


def reference_python() -> Path:
    """Interpreter of the environment that holds the reference implementation.

    Raises:
        Missing: The environment has not been made.
    """
    path = Path(os.environ.get("VULTUS_REFERENCE_PYTHON") or REPOSITORY / ".venv-reference" / "bin" / "python")
    if not path.is_file():
        raise Missing(f"the reference environment has no {path}; run `make reference` or set VULTUS_REFERENCE_PYTHON")
    return path


def six_faces() -> Path:
    """The photograph of six people that comes with the reference implementation.

    Raises:
        Missing: The reference environment has not been made or is incomplete.
    """
    found = subprocess.run([reference_python(), "-c", _FIND_INSIGHTFACE], capture_output=True, text=True, check=False)
    path = Path(found.stdout.strip()) / "data" / "images" / "t1.jpg"
    if found.returncode or not path.is_file():
        raise Missing(f"insightface is not installed in the environment of {reference_python()}; run `make reference`")
    return path


def _folder(path: Path, variable: str) -> Path:
    if not path.is_dir():
        raise Missing(f"there is no folder {path}; set {variable} to where the files are")
    return path
