"""Where things are looked for, and what is said when they are not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import places
from benchmarks.places import Missing

pytestmark = pytest.mark.unit


def test_a_network_is_taken_from_the_first_folder_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "net.onnx").touch()
    (tmp_path / "c" / "net.onnx").touch()
    monkeypatch.setenv("VULTUS_MODEL_PATH", os.pathsep.join(str(tmp_path / name) for name in ("a", "b", "c")))
    assert places.network("net.onnx") == tmp_path / "b" / "net.onnx"
    with pytest.raises(Missing, match=r"none of .*VULTUS_MODEL_PATH"):
        places.network("other.onnx")


def test_the_cache_is_looked_into_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SHARED", tmp_path)
    monkeypatch.setenv("VULTUS_MODEL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Missing, match="vultus models pull"):
        places.models()
    (tmp_path / "cache").mkdir()
    assert places.models() == (tmp_path / "cache",)
    (tmp_path / "models").mkdir()
    assert places.models() == (tmp_path / "models", tmp_path / "cache")
    monkeypatch.setenv("VULTUS_MODEL_PATH", str(tmp_path / "absent"))
    with pytest.raises(Missing, match="VULTUS_MODEL_PATH"):
        places.models()


def test_a_missing_folder_is_named_with_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_BENCHMARK_DATA", str(tmp_path))
    with pytest.raises(Missing, match="VULTUS_BENCHMARK_DATA"):
        places.data("lfw_aligned")
    (tmp_path / "lfw_aligned").mkdir()
    assert places.data("lfw_aligned") == tmp_path / "lfw_aligned"


def test_a_missing_reference_environment_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_REFERENCE_PYTHON", str(tmp_path / "python"))
    with pytest.raises(Missing, match="make reference"):
        places.reference_python()


@pytest.mark.parametrize(("name", "find"), [("triton", places.triton_python), ("mlserver", places.mlserver_python)])
def test_a_missing_environment_of_a_server_says_how_to_make_it(
    name: str, find: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"VULTUS_{name.upper()}_PYTHON"
    monkeypatch.setenv(variable, str(tmp_path / "python"))
    with pytest.raises(Missing, match=f"run `make {name}` or set {variable}"):
        find()
    monkeypatch.setenv(variable, sys.executable)
    assert str(find()) == sys.executable


def test_an_interpreter_without_insightface_is_no_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("VULTUS_REFERENCE_PYTHON", str(broken))
    with pytest.raises(Missing, match="insightface is not installed"):
        places.six_faces()


def test_the_reference_interpreter_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_REFERENCE_PYTHON", sys.executable)
    assert str(places.reference_python()) == sys.executable
