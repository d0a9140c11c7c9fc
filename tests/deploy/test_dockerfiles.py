"""The Dockerfiles: what linters cannot know of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vultus.compat import PRODUCTS
from vultus.settings import Settings, variable_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "docker"
CPU, GPU = FOLDER / "Dockerfile", FOLDER / "Dockerfile.gpu"
BOTH = pytest.mark.parametrize("dockerfile", [CPU, GPU], ids=["cpu", "gpu"])


def stages(dockerfile: Path) -> dict[str, str]:
    """Stage -> its instructions, without comments."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    text = text.replace("${LOCK}", values(text, "ARG")["LOCK"])
    found = re.split(r"^FROM (\S+) AS (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(found[2::3], found[3::3], strict=True))


def values(stage: str, keyword: str) -> dict[str, str]:
    """Name -> value of a stage's ``ENV`` or ``ARG``."""
    joined = stage.replace("\\\n", " ")
    lines = [line.removeprefix(keyword) for line in joined.splitlines() if line.startswith(keyword + " ")]
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


@BOTH
def test_a_base_is_an_argument_with_a_version(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    base = re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert base
    assert re.search(r":\d+(\.\d+)+", base[1])
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"scratch", "${BASE}", "base", "build"}


@BOTH
def test_the_server_is_nobody_and_its_probe_has_curl(dockerfile: Path) -> None:
    last = list(stages(dockerfile).values())[-1]
    user = re.search(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user
    assert int(user[1]) >= 10_000  # no user of a machine that mounts something of its own
    assert re.search(r"apt-get install .*\bcurl\b", stages(dockerfile)["base"])
    assert re.search(r'^HEALTHCHECK .*CMD \["healthy"\]$', last, re.MULTILINE)
    assert (FOLDER / "healthy.sh").stat().st_mode & 0o111 == 0o111


@BOTH
def test_packages_come_by_hash_from_a_lock(dockerfile: Path) -> None:
    build = stages(dockerfile)["build"]
    installs = re.findall(r"pip install ((?:.|\\\n)*?)(?= &&|\n)", build.replace("\\\n", ""))
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "dist/*.whl" in install
    locks = re.findall(r"requirements/\w+\.lock", build)
    assert len(locks) == 2
    assert all((ROOT / lock).is_file() for lock in locks)


@BOTH
def test_what_is_chosen_at_build_is_what_runs(dockerfile: Path) -> None:
    found = stages(dockerfile)
    chosen = values(found["networks"], "ARG").keys() - {"NETWORKS", "OFFLINE"}
    environment = values(found["server"], "ENV")
    for name in chosen:
        variable = name if PRODUCTS["compreface"].variable(name) else variable_of(name.lower())
        assert environment[variable] == f"${{{name}}}"
        assert f'{variable}="${{{name}}}"' in found["networks"] or name == variable  # an argument is in the environment
    assert {"FACE_DETECTION_PLUGIN", "CALCULATION_PLUGIN", "EXTRA_PLUGINS", "COMPAT"} <= chosen


@BOTH
def test_every_setting_of_the_image_exists(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    variables = set(re.findall(r"\bVULTUS_[A-Z_]+(?==)", text))
    assert {"VULTUS_HOST", "VULTUS_OFFLINE", "VULTUS_MODEL_CACHE"} <= variables
    assert variables <= {variable_of(name) for name in Settings.model_fields}


def test_both_are_alike_but_for_what_a_gpu_needs() -> None:
    cpu, gpu = stages(CPU), stages(GPU)
    assert cpu.keys() == gpu.keys()
    assert [cpu[name] for name in ("wheels", "weights", "base", "networks")] == [
        gpu[name] for name in ("wheels", "weights", "base", "networks")
    ]
    build = (
        gpu["build"]
        .replace("gpu.lock", "base.lock")
        .replace("LOCK=gpu", "LOCK=base")
        .replace("ENV PIP_CONSTRAINT= ", "ENV ")
    )
    assert build == cpu["build"]
    more = values(gpu["server"], "ENV").items() - values(cpu["server"], "ENV").items()
    assert dict(more) == {"VULTUS_RUNTIME": "onnx", "VULTUS_DEVICE": "${DEVICE}"}


@BOTH
def test_what_is_copied_is_in_the_context(dockerfile: Path) -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore  # whatever is not named stays out
    assert all(list(ROOT.glob(pattern)) for pattern in taken)
    for body in stages(dockerfile).values():
        for source in re.findall(r"^COPY (?!--from)(\S+) ", body, re.MULTILINE):
            assert source == "." or any(path == ROOT / source for pattern in taken for path in ROOT.glob(pattern))


def test_the_wheel_has_all_it_is_built_from() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    taken = (ROOT / ".dockerignore").read_text()
    included = re.findall(r'^"([^"]+)" = "vultus/', project, re.MULTILINE)
    assert included
    for path in (*included, "README.md", "LICENSE", "pyproject.toml", "src"):
        assert f"!{path}\n" in taken
