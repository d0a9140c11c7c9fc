"""Against InsightFace's reading of the network (argmax of the first two, the third x 100), on made-up outputs.

The file itself cannot be had by these tests: a made-up graph of the same inputs and outputs stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vultus.attributes.genderage import GenderAge
from vultus.errors import IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import CropSpec
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

CROP = CropSpec("box", 96, 1.5)


def test_gender_and_age_are_read_off_three_numbers(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    network = parrot([[1.5, -1.5, 0.305], [-0.2, 0.1, 0.62]], 96)
    facts = GenderAge(network, CROP).read(black(2, 96), Ticket())
    assert facts["gender"] == [0, 1]  # female, male
    assert facts["age"] == pytest.approx([30.5, 62], abs=1e-4)
    assert all(type(value) is int for value in facts["gender"])


def test_the_network_of_another_family_is_refused(parrot: Callable[..., Any], black: Callable[..., Crops]) -> None:
    with pytest.raises(IncompatibleGraph, match="202 values"):
        GenderAge(parrot([[0.0] * 202], 96), CROP).read(black(1, 96), Ticket())


WEIGHTS = np.random.default_rng(96).standard_normal((3, 3)).astype(np.float32)
BIAS = np.array([0.1, -0.1, 0.35], np.float32)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """``[n, 3, 96, 96]`` raw pixels to ``[n, 3]``: normalised as InsightFace's, averaged, mixed at random."""
    nodes = [
        helper.make_node("Sub", ["data", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["normal"]),
        helper.make_node("GlobalAveragePool", ["normal"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["fc1"]),
    ]
    constants = {"mean": np.float32(127.5), "scale": np.float32(1 / 128), "weights": WEIGHTS, "bias": BIAS}
    made = helper.make_graph(
        nodes,
        "made_up_genderage",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 96, 96])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path = tmp_path / "genderage.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(2)
    yield pool
    pool.close()


@pytest.mark.parametrize("engine", [OpenVinoRuntime, OnnxRuntime], ids=["openvino", "onnx"])
def test_a_made_up_graph_of_the_same_signature_answers_alike_on_every_engine(
    engine: Any, graph: Path, workers: Workers
) -> None:
    model = Catalogue.load().model("genderage")
    network = engine("cpu", "f32", workers, 2).load(model, graph, model.input)
    pixels = np.random.default_rng(5).integers(0, 256, (5, 96, 96, 3), np.uint8)
    pixels[::2, :, :, 0] //= 2  # so that the crops differ on average too
    pixels[:, :, :, 2] = np.arange(0, 250, 50)[:, np.newaxis, np.newaxis]
    expected = (pixels.mean(axis=(1, 2)) - 127.5) / 128 @ WEIGHTS + BIAS
    crops = Crops(pixels, np.tile(np.eye(2, 3), (5, 1, 1)))
    facts = GenderAge(network, CROP).read(crops, Ticket())
    assert facts["gender"] == [int(male > female) for female, male, _ in expected]
    assert len(set(facts["gender"])) == 2
    assert facts["age"] == pytest.approx(expected[:, 2] * 100, abs=1e-2)
