from __future__ import annotations

import io
import struct
from base64 import b64decode
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.errors import CorruptPicture, NoFaceFound, TooManyPixels
from vultus.server.v1.answers import comparison_answer, embedding_answer, model_card, model_cards, picture_answer
from vultus.server.v1.options import FaceOptions
from vultus.types import Analysis, CropSpec, Face, InputSpec, Profile
from vultus.zoo.catalogue import DecisionThreshold, Model

pytestmark = pytest.mark.unit


def model(name: str = "net", threshold: DecisionThreshold | None = None) -> Model:
    return Model(
        name=name, task="embedding", family="arcface", file="net.onnx", sha256="0123456789abcdef" * 4, size=1,
        licence="MIT", commercial_use=True, source_project="https://example.org", sources=(),
        input=InputSpec(112, 112), crop=CropSpec("template", 112), embedding_size=2, threshold=threshold,
    )  # fmt: skip


def analysis(*vectors: tuple[float, ...], **given: Any) -> Analysis:
    faces = tuple(
        Face(
            np.array([1, 2, 3, 4], np.float32),
            0.75,
            landmarks=np.zeros((5, 2), np.float32),
            embedding=np.array(vector, np.float32),
            norm=2.0,
            attributes={"landmarks106": np.ones((106, 2), np.float32)},
            **given,
        )
        for vector in vectors
    )
    return Analysis(20, 10, faces, seconds={"decode": 0.5})


def test_a_network_is_named_with_its_hash_licence_and_whether_it_may_be_sold() -> None:
    assert model_card(model()) == {"name": "net", "sha256": "0123456789ab", "licence": "MIT", "commercial_use": True}


def test_networks_are_named_by_task() -> None:
    precisions = {"det": "f32", "emb": "int8", "lm": "f32"}
    cards = model_cards(Profile("p", "det", "emb", ("lm",)), model, precisions.__getitem__)
    assert cards == {
        "detector": {**model_card(model("det")), "precision": "f32"},
        "embedder": {**model_card(model("emb")), "precision": "int8"},
        "attributes": [{**model_card(model("lm")), "precision": "f32"}],
    }
    assert model_cards(Profile("p", "det", None), model, precisions.__getitem__)["embedder"] is None


def test_a_network_that_needs_others_names_theirs_too() -> None:
    def find(name: str) -> Model:
        return replace(model(name), companions=("rnet", "onet") if name == "pnet" else ())

    cards: Any = model_cards(Profile("p", "pnet", None), find, lambda name: f"that of {name}")
    companions = [{**model_card(model(name)), "precision": f"that of {name}"} for name in ("rnet", "onet")]
    assert cards["detector"] == {**model_card(model("pnet")), "precision": "that of pnet", "companions": companions}


def test_a_picture_has_its_size_faces_and_times() -> None:
    answer = picture_answer(analysis((1.0, 0.0)), FaceOptions(), packed=False)
    face = answer["faces"][0]
    assert (answer["width"], answer["height"], answer["seconds"]) == (20, 10, {"decode": 0.5})
    assert face.keys() == {"box", "score", "landmarks", "embedding", "norm"}
    assert face["embedding"].tolist() == [1.0, 0.0]


def test_only_what_was_asked_is_answered() -> None:
    options = FaceOptions(embeddings="none", landmarks=False)
    assert picture_answer(analysis((1.0,)), options, packed=False)["faces"][0].keys() == {"box", "score"}
    options = FaceOptions(attributes=("landmarks106",))
    attributes = picture_answer(analysis((1.0,)), options, packed=False)["faces"][0]["attributes"]
    assert attributes["landmarks106"].shape == (106, 2)


def test_an_embedding_may_be_text() -> None:
    face = picture_answer(analysis((1.0, -2.5)), FaceOptions(embeddings="base64"), packed=False)["faces"][0]
    assert b64decode(face["embedding"]) == struct.pack("<2f", 1.0, -2.5)


@pytest.mark.parametrize("packed", [False, True])
def test_a_crop_is_a_jpeg_in_text_or_bytes(packed: bool) -> None:
    crop = np.full((112, 112, 3), (200, 100, 50), np.uint8)
    face = picture_answer(analysis((1.0,), crop=crop), FaceOptions(crops=True), packed=packed)["faces"][0]
    data = face["crop"] if packed else b64decode(face["crop"])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (112, 112))
        assert np.abs(np.asarray(image, int) - crop).max() <= 3


def test_a_bad_picture_has_an_error_in_its_place() -> None:
    error = {"error": {"code": "picture_corrupt", "message": "cut off"}}
    assert picture_answer(CorruptPicture("cut off"), FaceOptions(), packed=False) == error
    assert embedding_answer(CorruptPicture("cut off"), "float") == error


def test_a_crop_is_answered_with_embedding_and_norm() -> None:
    answer = embedding_answer(analysis((0.0, 1.0)), "float")
    assert answer["embedding"].tolist() == [0.0, 1.0]
    assert answer["norm"] == 2.0
    assert isinstance(embedding_answer(analysis((0.0, 1.0)), "base64")["embedding"], str)


@pytest.mark.parametrize(
    ("other", "similarity", "match"),
    [((1.0, 0.0), 1.0, True), ((0.6, 0.8), 0.6, True), ((0.0, 1.0), 0.0, False), ((-1.0, 0.0), -1.0, False)],
)
def test_similarity_is_judged_by_the_catalogues_threshold(
    other: tuple[float, float], similarity: float, match: bool
) -> None:
    embedder = model(threshold=DecisionThreshold(0.5, 0.001, "somewhere"))
    answer = comparison_answer(analysis((1.0, 0.0)), analysis(other), embedder)
    assert answer["similarity"] == pytest.approx(similarity, abs=1e-6)
    assert answer["match"] is match
    assert answer["decision"] == {"cosine": 0.5, "false_match_rate": 0.001, "measured_on": "somewhere"}
    assert answer["reason"] is None


def test_without_a_threshold_there_is_no_verdict_but_a_reason() -> None:
    answer = comparison_answer(analysis((1.0,)), analysis((1.0,)), model("sface"))
    assert answer["match"] is None
    assert answer["decision"] is None
    assert "sface" in answer["reason"]


def test_a_comparison_names_the_picture_that_cannot_be_used() -> None:
    with pytest.raises(NoFaceFound, match="second"):
        comparison_answer(analysis((1.0,)), analysis(), model())
    with pytest.raises(TooManyPixels, match="first picture: huge") as raised:
        comparison_answer(TooManyPixels("huge", limit="max_picture_pixels"), analysis((1.0,)), model())
    assert raised.value.limit == "max_picture_pixels"
