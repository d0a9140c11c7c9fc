"""FaceNet as CompreFace uses it: embeddings that CompreFace has stored must stay of use."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from skimage.transform import resize

from benchmarks.subject import open_engine, read_picture
from vultus import FaceEngine
from vultus.evaluate import calibration, noses
from vultus.imaging.canvas import stretch
from vultus.types import Analysis, CanvasRule, Face, FloatArray, Image, Plan, Profile
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

NAME = "20180402-114759"
COEFFICIENTS = (1.1817961, 5.291995557)  # published by CompreFace
MARGINS = (0.2125984251968504, 0.10526315789473684, 0.2230769230769231, 0.09868421052631579)
LIMIT = 640


@pytest.fixture(scope="module", params=["openvino", "onnx"])
def engine(request: pytest.FixtureRequest, shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(detector="mtcnn", embedder=NAME, runtime=request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def compreface(engine: FaceEngine) -> Profile:
    """CompreFace's detector input and threshold."""
    canvas = CanvasRule(LIMIT, LIMIT, max_scale=1.0, shrink="area", fit="rounded")
    return replace(engine.default_profile, canvas=canvas, threshold=0.85, nms_threshold=1.0)


@pytest.fixture(scope="module")
def seen(engine: FaceEngine, compreface: Profile, shared_data: Path) -> dict[str, Analysis]:
    """What the sample photographs of one to three faces show, by file name."""
    photographs = [photo for photo in noses.read(shared_data / "compreface_samples") if 0 < len(photo.noses) <= 3]
    return {photo.path.stem: engine.analyze(photo.path, Plan(pixels=True), compreface) for photo in photographs}


def by_hand(session: ort.InferenceSession, picture: Image, face: Face, scale: float) -> FloatArray:
    """CompreFace's way from a box to an embedding, with scikit-image's resize as there."""
    x, y = (max(0, int(edge * scale)) for edge in face.box[:2])
    w, h = int(face.box[2] * scale - x), int(face.box[3] * scale - y)
    low = [int(max(x - MARGINS[0] * w, 0)), int(max(y - MARGINS[1] * h, 0))]
    height, width = (round(side * scale) for side in picture.shape[:2])
    high = [int(min(x + w + MARGINS[2] * w, width)), int(min(y + h + MARGINS[3] * h, height))]
    (left, top), (right, bottom) = ([int(edge / scale) for edge in corner] for corner in (low, high))
    crop = resize(picture[top:bottom, left:right], (160, 160), anti_aliasing=True)
    whitened = (crop - crop.mean()) / max(crop.std(), 1 / np.sqrt(crop.size))
    (vector,) = session.run(None, {session.get_inputs()[0].name: whitened[np.newaxis].astype(np.float32)})[0]
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_embeddings_are_those_of_compreface(seen: dict[str, Analysis], shared_models: Path) -> None:
    """But for the resampling; other photographs of one person lie 0.3 to 0.9 apart."""
    session = ort.InferenceSession(shared_models / f"facenet_{NAME}.onnx")
    for analysis in seen.values():
        assert analysis.pixels is not None
        for face in analysis.faces:
            expected = by_hand(session, analysis.pixels, face, analysis.scale)
            assert np.linalg.norm(np.asarray(face.embedding) - expected) < 0.06


def test_persons_are_told_apart_with_compreface_s_coefficients(seen: dict[str, Analysis]) -> None:
    assert Catalogue.load().model(NAME).similarity_coefficients == COEFFICIENTS
    persons = {name: analysis.faces for name, analysis in seen.items() if name[-1] in "ABC"}
    assert len(persons) == 9
    assert all(len(faces) == 1 for faces in persons.values())
    for (one, first), (other, second) in itertools.combinations(persons.items(), 2):
        distance = np.linalg.norm(np.asarray(first[0].embedding) - np.asarray(second[0].embedding))
        likeness = calibration.similarity(np.array([distance]), COEFFICIENTS)[0]
        assert (likeness > 0.5) == (one[-1] == other[-1]), (one, other, likeness)
    # CompreFace's own tests: squared distances.
    a, b, c, d = (np.asarray(persons[name][0].embedding) for name in ("001_A", "002_A", "007_B", "009_C"))
    assert np.sum((a - b) ** 2) < 0.4
    assert np.sum((c - d) ** 2) > 0.4


def test_a_face_among_others_is_embedded_as_alone(engine: FaceEngine, shared_data: Path) -> None:
    paths = sorted((shared_data / "lfw_aligned").glob("*/*.jpg"))[:4]
    crops = [stretch(read_picture(engine, path), 160) for path in paths]
    for crop, vector in zip(crops, engine.embed_crops(crops), strict=True):
        np.testing.assert_array_equal(engine.embed_crops([crop])[0], vector)
