"""Where the benchmarks find weights, photographs and the reference implementation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from vultus.settings import load_settings

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results"
PICTURES = REPOSITORY / "out" / "pictures"
SHARED = REPOSITORY.parent / "shared"
"""Weights (``models``) and photographs (``data``) that a developer has beside the checkout."""

VARIABLES = ("VULTUS_BENCHMARK_DATA", "VULTUS_REFERENCE_PYTHON", "VULTUS_TRITON_PYTHON", "VULTUS_MLSERVER_PYTHON")
"""Of the environment; besides these, the settings' own ``VULTUS_MODEL_PATH`` and ``VULTUS_MODEL_CACHE`` count."""

_FIND_INSIGHTFACE = "import importlib.util as u; print(u.find_spec('insightface').submodule_search_locations[0])"


class Missing(Exception):
    """Something a measurement needs is not on this machine; the message says what and how to get it."""


def models() -> tuple[Path, ...]:
    """Folders of network files: those of ``VULTUS_MODEL_PATH``, else ``../shared/models``; then Vultus's own cache.

    Raises:
        Missing: One that is named does not exist, or there is none at all.
    """
    settings = load_settings()
    given = [_folder(folder, "VULTUS_MODEL_PATH") for folder in settings.model_path]
    usual = [] if given else [SHARED / "models"]
    folders = (*given, *(folder for folder in (*usual, settings.model_cache) if folder.is_dir()))
    if not folders:
        raise Missing("there are no network files here; run `vultus models pull` or set VULTUS_MODEL_PATH")
    return folders


def network(file: str) -> Path:
    """A network's file, in the first folder that has it.

    Raises:
        Missing: None has.
    """
    for folder in models():
        if (folder / file).is_file():
            return folder / file
    raise Missing(
        f"{file} is in none of {', '.join(map(str, models()))}; run `vultus models pull` or set VULTUS_MODEL_PATH"
    )


def data(name: str) -> Path:
    """Folder ``name`` of photographs with ground truth, below ``VULTUS_BENCHMARK_DATA`` or ``../shared/data``.

    Raises:
        Missing: There is no such folder.
    """
    base = Path(os.environ.get("VULTUS_BENCHMARK_DATA") or SHARED / "data")
    return _folder(base / name, "VULTUS_BENCHMARK_DATA")


def reference_python() -> Path:
    """Interpreter of the environment that holds the reference implementation.

    Raises:
        Missing: The environment has not been made.
    """
    return _python("reference", "VULTUS_REFERENCE_PYTHON")


def triton_python() -> Path:
    """Interpreter of the environment that holds a Triton server.

    Raises:
        Missing: The environment has not been made.
    """
    return _python("triton", "VULTUS_TRITON_PYTHON")


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


def mlserver_python() -> Path:
    """Interpreter of the environment that holds MLServer, another server of Triton's protocol.

    Raises:
        Missing: The environment has not been made.
    """
    return _python("mlserver", "VULTUS_MLSERVER_PYTHON")


def _python(environment: str, variable: str) -> Path:
    path = Path(os.environ.get(variable) or REPOSITORY / f".venv-{environment}" / "bin" / "python")
    if not path.is_file():
        raise Missing(f"the {environment} environment has no {path}; run `make {environment}` or set {variable}")
    return path


def _folder(path: Path, variable: str) -> Path:
    if not path.is_dir():
        raise Missing(f"there is no folder {path}; set {variable} to where the files are")
    return path
