"""Networks of random weights: they look like the real ones, are small, and say what they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from tools.make_network import NOTICE, SIGNATURES, make_network

pytestmark = pytest.mark.unit

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "make_network.py"
# Signature, the real network of ../shared/models that it stands for, an input that this takes.
REAL = {
    "scrfd_kps": ("scrfd_500m_bnkps", (1, 3, 64, 96)),
    "retinaface": ("retinaface_mnet025_v2", (1, 3, 640, 640)),
    "retinaface_priors": ("retinaface_mnet025_biubug6", (1, 3, 640, 640)),
    "centerface": ("centerface", (10, 3, 32, 32)),
    "yolov5face": ("yolov5n-0.5", (1, 3, 640, 640)),
    "yolov5face_raw": ("yolov5n-0.5_rawheads", (1, 3, 640, 640)),
    "arcface": ("w600k_mbf", (2, 3, 112, 112)),
    "facenet": ("facenet_20180402-114759", (2, 160, 160, 3)),
    "genderage_v1": ("genderage_v1", (1, 3, 112, 112)),
    "landmarks106": ("2d106det", (1, 3, 192, 192)),
    "minifasnet": ("minifasnet_v2_2.7_80x80", (2, 3, 80, 80)),
    "mask_detector": ("mask_detector", (2, 224, 224, 3)),
}


def answers(network: bytes | str, shape: tuple[int, ...]) -> tuple[str, list[str], list[tuple[int, ...]]]:
    """Name of the input, names and shapes of the outputs."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(network, options)
    name = session.get_inputs()[0].name
    outputs = session.run(None, {name: np.zeros(shape, np.float32)})
    return name, [output.name for output in session.get_outputs()], [np.shape(output) for output in outputs]


@pytest.mark.parametrize("name", SIGNATURES)
def test_it_says_what_it_is_and_is_small(name: str) -> None:
    model = make_network(name)
    assert model.graph.name == f"random_{name}"
    assert model.doc_string == model.graph.doc_string == NOTICE
    assert "random weights" in NOTICE
    assert {prop.key: prop.value for prop in model.metadata_props}["weights"] == NOTICE
    assert len(model.SerializeToString()) < 200_000


@pytest.mark.parametrize("name", SIGNATURES)
def test_it_takes_batches_and_its_answers_are_finite(name: str) -> None:
    session = ort.InferenceSession(make_network(name).SerializeToString())
    (given,) = session.get_inputs()
    side = SIGNATURES[name].size or 96
    shape = (2, 3, side, side) if SIGNATURES[name].layout == "nchw" else (2, side, side, 3)
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    for output in session.run(None, {given.name: pixels}):
        assert len(output) == 2
        assert np.isfinite(output).all()
        assert np.ptp(output) > 0


def test_the_same_seed_makes_the_same_network_and_another_another() -> None:
    first, again, other = (make_network("scrfd", seed=seed).SerializeToString() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("name", ["scrfd_kps", "retinaface_priors", "yolov5face", "genderage_v1"])
def test_a_size_can_be_built_in(name: str) -> None:
    (given,) = make_network(name, size=64).graph.input
    assert [axis.dim_value for axis in given.type.tensor_type.shape.dim][1:] == [3, 64, 64]


class TestTheCommandLine:
    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_it_writes_a_file(self, tmp_path: Path) -> None:
        assert self.run("arcface", tmp_path / "net.onnx", "--seed", 3).returncode == 0
        written = (tmp_path / "net.onnx").read_bytes()
        assert written == make_network("arcface", seed=3).SerializeToString()

    def test_it_lists_what_there_is(self) -> None:
        assert self.run("--list").stdout.split() == sorted(SIGNATURES)

    def test_it_wants_a_file(self) -> None:
        result = self.run("arcface")
        assert result.returncode == 2
        assert "a signature and a file are needed" in result.stderr


@pytest.mark.parametrize("name", REAL)
def test_inputs_and_outputs_are_those_of_the_real_network(shared_models: Path, name: str) -> None:
    file, shape = REAL[name]
    real = answers(str(shared_models / f"{file}.onnx"), shape)
    made = answers(make_network(name).SerializeToString(), shape)
    if name == "arcface":  # its output's name is a number that differs from export to export
        real, made = (real[0], [""], real[2]), (made[0], [""], made[2])
    assert made == real
