"""The locked requirements: complete, pinned, hashed, and silent about where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def entries(lock: Path) -> dict[str, Requirement]:
    """Locked requirements by name."""
    heads = re.findall(r"^[A-Za-z0-9].*?(?= \\$)", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(entry.name): entry for entry in map(Requirement, heads)}


def pinned(lock: Path) -> dict[str, str]:
    return {name: str(entry.specifier) for name, entry in entries(lock).items()}


def test_there_are_ten_locks() -> None:
    expected = ["base", "build", "deploy", "dev", "gpu", "load", "mlserver", "reference", "triton-server", "triton"]
    assert [lock.stem for lock in LOCKS] == expected


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())[1:]
    assert blocks
    for block in blocks:
        head = block.partition("\n")[0]
        assert re.match(r"[a-z0-9-]+==[\w.+]+( ;.*)? \\$", head), head
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), head


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_names_a_place(lock: Path) -> None:
    assert not re.search(r"://|file:|find-links|index-url|(?:^|\s)/", lock.read_text())


def test_base_satisfies_what_the_package_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = pinned(ROOT / "requirements" / "base.lock")
    for text in project["dependencies"]:
        declared = Requirement(text)
        assert declared.specifier.contains(locked[canonicalize_name(declared.name)].removeprefix("==")), text


@pytest.mark.parametrize(
    ("wider", "narrower"), [("dev", "base"), ("dev", "build"), ("gpu", "base"), ("triton", "base")]
)
def test_what_is_wider_has_what_is_narrower(wider: str, narrower: str) -> None:
    development = pinned(ROOT / "requirements" / f"{wider}.lock")
    for name, version in pinned(ROOT / "requirements" / f"{narrower}.lock").items():
        if name != "editables":  # only the editable install of a checkout needs it
            assert development[name] == version


def test_the_reference_is_the_documented_one() -> None:
    reference = pinned(ROOT / "requirements" / "reference.lock")
    assert reference["insightface"] == "==2.1"
    assert reference["onnxruntime"] == "==1.26.0"


def test_models_in_python_have_a_numpy_that_works_there_and_the_engine_of_here() -> None:
    server = pinned(ROOT / "requirements" / "triton-server.lock")
    assert server["numpy"].startswith("==1.")
    assert server["nvidia-pytriton"] == "==0.7.0"
    assert server["openvino"] == pinned(ROOT / "requirements" / "base.lock")["openvino"]
    assert server["onnxruntime"] == pinned(ROOT / "requirements" / "dev.lock")["onnxruntime"]


def test_the_gpu_s_engine_is_the_last_for_cuda_12() -> None:
    locked = pinned(ROOT / "requirements" / "gpu.lock")
    assert locked["onnxruntime-gpu"].startswith("==1.26.")
    assert "onnxruntime" not in locked  # the two overwrite each other's files


@pytest.mark.parametrize("lock", ["base", "gpu"])
def test_what_is_served_from_can_send_traces(lock: str) -> None:
    """A cluster may set ``OTEL_EXPORTER_OTLP_ENDPOINT`` by itself, with which a server without the extra ends."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["otel"]
    locked = pinned(ROOT / "requirements" / f"{lock}.lock")
    for declared in map(Requirement, extra):
        assert declared.specifier.contains(locked[canonicalize_name(declared.name)].removeprefix("=="))
