"""The wheel, as a user gets it: built, installed into an empty environment outside the tree, and put to work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import skimage.data
from PIL import Image as PillowImage

from benchmarks.places import SHARED

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "base.lock"
LOCAL_MODELS = SHARED / "models"

# Installing all locked packages may have to fetch them first.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def run(*command: object, cwd: Path = ROOT, **environment: str) -> str:
    """What a command prints; it sees nothing of what this test's own interpreter was given to find packages."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VULTUS_"))}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=inherited | environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the locked build backend of the development environment."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of an environment that holds the locked packages and the wheel, nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    run(sys.executable, "-m", "venv", folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--require-hashes", "-r", LOCK)
    run(*pip, "--no-index", wheel)
    return programs


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """NASA's portrait of Eileen Collins, 512x512, public domain."""
    path = tmp_path / "astronaut.jpg"
    PillowImage.fromarray(skimage.data.astronaut()).save(path, quality=95)
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    package = {name for name in names if name.startswith("vultus/")}
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "vultus").rglob("*")
        if path.suffix in {".py", ".toml"} or path.name == "py.typed"
    }
    assert {"vultus/zoo/catalog.toml", "vultus/py.typed"} <= package
    assert package == expected | {"vultus/bench/portrait.jpg"}  # public domain: docs/images/README.md
    assert {re.sub(r"^vultus-[^/]+\.dist-info/", "", name) for name in names - package} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_installed_package_needs_nothing_that_is_not_installed(installed: Path) -> None:
    assert "No broken requirements found" in run(installed / "python", "-m", "pip", "check")


def test_the_installed_command_finds_the_astronauts_face(installed: Path, photograph: Path, tmp_path: Path) -> None:
    networks = {"VULTUS_MODEL_CACHE": str(tmp_path / "networks")}
    if LOCAL_MODELS.is_dir():
        networks["VULTUS_MODEL_PATH"] = str(LOCAL_MODELS)

    where = run(installed / "python", "-c", "import vultus; print(vultus.__file__)", cwd=tmp_path)
    assert not Path(where).is_relative_to(ROOT)
    (line,) = run(installed / "vultus", "detect", photograph, "--json", cwd=tmp_path, **networks).splitlines()

    (face,) = json.loads(line)["faces"]
    x1, y1, x2, y2 = face["box"]
    # The head by eye: hair line to chin, ear to ear; the box must lie in it and cover eyes, nose and mouth.
    assert 160 < x1 < 200
    assert 50 < y1 < 90
    assert 250 < x2 < 290
    assert 150 < y2 < 215
