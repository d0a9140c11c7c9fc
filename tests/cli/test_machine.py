from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vultus.cli import machine
from vultus.cli.machine import Engine, installed, read_cpu, read_engines, read_gpus, read_memory

pytestmark = pytest.mark.unit

INTEL = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu sse2 avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8

processor\t: 1
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu sse2 avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8
"""
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (INTEL, ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16")),
        (ARM, ("asimd", "asimddp", "i8mm", "bf16", "sve")),
    ],
)
def test_instruction_sets_come_from_the_kernel(tmp_path: Path, text: str, features: tuple[str, ...]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert read_cpu(tmp_path / "cpuinfo").features == features


def test_the_processor_is_named(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(INTEL)
    assert read_cpu(tmp_path / "cpuinfo").name == "Intel(R) Xeon(R) Platinum 8480+"


def test_a_system_that_tells_nothing_still_has_cores(tmp_path: Path) -> None:
    cpu = read_cpu(tmp_path / "absent")
    assert cpu.features == ()
    assert 1 <= cpu.cores <= (os.cpu_count() or 1)


def test_memory_is_what_the_cgroup_leaves(tmp_path: Path) -> None:
    whole = read_memory(tmp_path / "absent")
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("1048576\n")
    (tmp_path / "more").write_text(f"{2**60}\n")
    assert read_memory(tmp_path / "max") == whole
    assert read_memory(tmp_path / "limit") == 1048576
    assert read_memory(tmp_path / "more") == whole


def fake_nvidia_smi(folder: Path, script: str) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake is a shell script")
@pytest.mark.parametrize(
    ("script", "gpus"),
    [
        (
            "echo 'NVIDIA L4, 23034 MiB, 570.86'; echo 'NVIDIA L4, 23034 MiB, 570.86'",
            ["NVIDIA L4, 23034 MiB, 570.86"] * 2,
        ),
        ("echo 'No devices were found'; exit 6", []),
    ],
)
def test_gpus_are_listed_by_nvidia_smi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, gpus: list[str]
) -> None:
    fake_nvidia_smi(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_gpus() == gpus


def test_without_nvidia_smi_there_are_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_gpus() == []


def test_versions_of_packages() -> None:
    assert installed("pytest") == pytest.__version__
    assert installed("no-such-package-anywhere") is None


def test_a_broken_engine_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, list[str]]:
        raise OSError("libfoo.so: cannot open shared object file")

    monkeypatch.setattr(machine, "_openvino_devices", broken)
    monkeypatch.setattr(machine, "_onnx_devices", lambda: {"providers": ["CPUExecutionProvider"]})
    monkeypatch.setattr(machine, "installed", lambda package: "1.0")
    assert read_engines() == [
        Engine("openvino", None, {"broken": ["libfoo.so: cannot open shared object file"]}),
        Engine("onnxruntime", "1.0", {"providers": ["CPUExecutionProvider"]}),
    ]
    monkeypatch.setattr(machine, "installed", lambda package: None)
    assert read_engines() == [Engine("openvino", None), Engine("onnxruntime", None)]
