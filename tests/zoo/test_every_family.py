"""Every entry's family loads and answers on both runtimes, on networks of its signature with random weights.

They show that inputs, outputs, sizes and registries fit together, and that a face's answer does not depend on what it
is asked with. What families make of real weights is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tools.make_network import make_network

from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.detect import DETECTOR_FAMILIES
from vultus.embed import EMBEDDER_FAMILIES
from vultus.imaging.align import Crops
from vultus.runtime.network import Network, Parts, Runtime
from vultus.runtime.onnx import OnnxRuntime
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.zoo.catalogue import Catalogue, Model

pytestmark = pytest.mark.integration

CATALOGUE = Catalogue.load()
CANVAS = 128, 128
RUNTIMES = "openvino", "onnx"
# Their only networks are at hand (../shared/models), and tested with those.
REAL_ONLY = {"yunet", "ultraface", "mtcnn", "fsanet", "ssrnet", "sface"}
BY_FAMILY = {
    "retinaface": "retinaface",
    "retinaface_priors": "retinaface_priors",
    "centerface": "centerface",
    "dbface": "dbface",
    "yolov5face": "yolov5face",
    "arcface": "arcface",
    "facenet": "facenet",
    "genderage": "genderage",
    "genderage_v1": "genderage_v1",
    "landmarks106": "landmarks106",
    "landmarks68": "1k3d68",
}
BY_NAME = {
    "mnet_cov2": "mnet_cov2",
    "yolov5n-0.5_rawheads": "yolov5face_raw",
    "adaface_ir101_webface12m": "adaface",
    "arcface_mobilefacenet": "arcface_mobilefacenet",
    "arcface_mobilefacenet_casia_masked": "arcface_mobilefacenet",
    "arcface_r100_v1": "arcface_mxnet",
    "arcfaceresnet100-8": "arcface_mxnet",
    "minifasnet_v2_2.7_80x80": "minifasnet",
    "mask_detector": "mask_detector",
    "mask_detector_insightface_rest": "mask_detector",
    "mask_detector112": "mask_detector112",
    "inception_v3_on_mafa_kaggle123": "mafa_inception",
    "mobilenet_v2_on_mafa_kaggle123": "mask_classes",
    "resnet18_on_mafa_kaggle123": "mask_classes",
    "22801": "agegender_age",
    "21936": "agegender_gender",
}


def signature(model: Model) -> str | None:
    """What a network of this entry looks like; ``None``: it is tested with its real weights alone."""
    if model.family == "scrfd":
        return "scrfd_kps" if "kps" in model.name or model.name.startswith("det_") else "scrfd"
    return BY_NAME.get(model.name) or BY_FAMILY.get(model.family)


def of_task(task: str) -> list[str]:
    return [model.name for model in CATALOGUE.models if model.task == task and signature(model)]


@pytest.fixture(scope="module")
def runtimes() -> Iterator[dict[str, Runtime]]:
    workers = Workers(2)
    yield {"openvino": OpenVinoRuntime("cpu", "f32", workers, 2), "onnx": OnnxRuntime("cpu", "f32", workers, 2)}
    workers.close()


def parts(model: Model, runtime: Runtime, folder: Path, size: tuple[int, int] | None = None) -> Parts:
    """The entry's network, as the runtime loads it from a file of random weights."""
    path = folder / "random.onnx"
    path.write_bytes(make_network(signature(model) or "", seed=7).SerializeToString())

    def load(_: str, size: tuple[int, int] | None) -> Network:
        spec = model.input if size is None else replace(model.input, width=size[0], height=size[1])
        return runtime.load(model, path, spec)

    return Parts(model, load, size)


def pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def test_every_family_is_tested_here_or_with_its_real_weights() -> None:
    registered = {*DETECTOR_FAMILIES, *EMBEDDER_FAMILIES, *ATTRIBUTE_FAMILIES}
    here = {model.family for model in CATALOGUE.models if signature(model)}
    assert {model.family for model in CATALOGUE.models} <= registered
    assert registered <= here | REAL_ONLY


@pytest.mark.parametrize("name", of_task("detection"))
def test_a_detector_finds_the_same_on_both_runtimes(runtimes: dict[str, Runtime], tmp_path: Path, name: str) -> None:
    model = CATALOGUE.model(name)
    width, height = CANVAS if model.resizable else (model.input.width, model.input.height)
    canvas, found = pixels(height, width, 3), []
    for runtime in RUNTIMES:
        detector = DETECTOR_FAMILIES[model.family](parts(model, runtimes[runtime], tmp_path, (width, height)))
        faces = detector.detect(canvas, 0.3, 0.4, Ticket())
        assert len(faces) > 0
        assert (faces.landmarks is not None) == detector.has_landmarks
        assert np.isfinite(faces.boxes).all()
        assert ((faces.scores > 0.3) & (faces.scores <= 1)).all()
        assert (np.diff(faces.scores) <= 0).all()
        found.append(detector.detect(canvas, 0.3, 1, Ticket()))
    one, other = found
    assert len(one) == len(other)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", of_task("embedding"))
def test_an_embedder_answers_one_as_in_a_batch(
    runtimes: dict[str, Runtime], tmp_path: Path, name: str, runtime: str
) -> None:
    model = CATALOGUE.model(name)
    embedder = EMBEDDER_FAMILIES[model.family](parts(model, runtimes[runtime], tmp_path))
    crops = pixels(3, embedder.crop.size, embedder.crop.size, 3)
    vectors, norms = embedder.embed(crops, Ticket())
    assert vectors.shape == (3, model.embedding_size or 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (norms > 0).all()
    for row, crop in enumerate(crops):
        np.testing.assert_array_equal(embedder.embed(crop[np.newaxis], Ticket()).vectors[0], vectors[row])


@pytest.mark.parametrize("name", of_task("embedding"))
def test_an_embedder_answers_the_same_on_both_runtimes(runtimes: dict[str, Runtime], tmp_path: Path, name: str) -> None:
    model = CATALOGUE.model(name)
    one, other = (
        EMBEDDER_FAMILIES[model.family](parts(model, runtimes[runtime], tmp_path)).embed(
            pixels(2, model.input.height, model.input.width, 3), Ticket()
        )
        for runtime in RUNTIMES
    )
    assert (one.vectors * other.vectors).sum(axis=1).min() > 0.99999


def flat(value: object) -> list[float]:
    """All numbers in a fact."""
    match value:
        case dict():
            return [number for item in value.values() for number in flat(item)]
        case list() | tuple():
            return [number for item in value for number in flat(item)]
        case None:
            return []
        case _:
            return [float(number) for number in np.asarray(value, np.float64).ravel()]


@pytest.mark.parametrize("name", of_task("attributes"))
def test_an_attribute_is_the_same_alone_and_on_both_runtimes(
    runtimes: dict[str, Runtime], tmp_path: Path, name: str
) -> None:
    model, told = CATALOGUE.model(name), []
    family = ATTRIBUTE_FAMILIES[model.family]
    for runtime in RUNTIMES:
        attribute = family.make(parts(model, runtimes[runtime], tmp_path))
        side = attribute.crop.size
        matrices = np.tile(np.eye(2, 3), (3, 1, 1))
        crops = Crops(pixels(3, side, side, 3), matrices)
        facts: dict[str, Any] = attribute.read(crops, Ticket())
        assert set(facts) == set(family.provides)
        for row in range(3):
            alone = attribute.read(Crops(crops.pixels[row : row + 1], matrices[:1]), Ticket())
            assert {fact: flat(values[0]) for fact, values in alone.items()} == {
                fact: flat(values[row]) for fact, values in facts.items()
            }
        told.append({fact: flat(list(values)) for fact, values in facts.items()})
    for fact, values in told[0].items():
        np.testing.assert_allclose(values, told[1][fact], atol=1e-3, rtol=1e-3)
