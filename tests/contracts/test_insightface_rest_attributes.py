"""InsightFace-REST: gender, age and masks (section 1.2 of the contract), and defaults of requests (section 2).

Of the contract's checklist (section 9): items 1 (defaults) and 4 (types of the attributes).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import ormsgpack
import pytest

from vultus.errors import SettingsError
from vultus.server.dialects.insightface_rest.answers import wears_mask
from vultus.settings import load_settings
from vultus.types import Face

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

DESCRIPTION = {"norm", "vec", "gender", "age", "mask", "mask_probs"}


@pytest.fixture(scope="module")
def telling(start_app: Callable[..., Any]) -> Any:
    """A server with networks for gender, age and masks."""
    return start_app(attributes=("genderage", "mask_detector"))


def extract(client: Any, picture: bytes, **fields: Any) -> Any:
    answer = client.post("/extract", json={"images": {"data": [base64.b64encode(picture).decode()]}, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def face_of(client: Any, picture: bytes, **fields: Any) -> Any:
    answer = extract(client, picture, **fields)
    return answer[0][0] if isinstance(answer, list) else answer["data"][0]["faces"][0]


# Attributes


@pytest.mark.parametrize("fields", [{}, {"api_ver": "1"}])
def test_gender_and_age_are_whole_numbers(telling: Any, squares: Squares, fields: dict[str, Any]) -> None:
    face = face_of(telling, squares((1, 1)), extract_ga=True, **fields)
    assert face["gender"] in (0, 1)
    assert isinstance(face["gender"], int)
    assert isinstance(face["age"], int)
    assert 0 <= face["age"] <= 100
    assert face["mask"] is None
    assert face["mask_probs"] is None


@pytest.mark.parametrize("fields", [{}, {"api_ver": "1"}])
def test_masks_are_a_verdict_and_two_probabilities(telling: Any, squares: Squares, fields: dict[str, Any]) -> None:
    face = face_of(telling, squares((1, 1)), detect_masks=True, **fields)
    assert isinstance(face["mask"], bool)
    assert list(face["mask_probs"]) == ["mask", "no_mask"]
    assert sum(face["mask_probs"].values()) == pytest.approx(1, abs=1e-5)
    assert face["gender"] is None
    assert face["age"] is None


@pytest.mark.parametrize(
    ("probability", "worn"), [(1.0, True), (0.9, True), (0.89, True), (0.88, False), (0.4, False), (0.0, False)]
)
def test_a_mask_counts_from_0_89(probability: float, worn: bool) -> None:
    """Section 1.2: above the other probability, and at least 0.89."""
    probabilities = {"mask": probability, "no_mask": 1 - probability}
    face = Face(np.zeros(4, np.float32), 1.0, attributes={"mask": probabilities})
    assert wears_mask(face) is worn


def test_what_is_not_asked_is_null(telling: Any, squares: Squares) -> None:
    face = face_of(telling, squares((1, 1)))
    assert all(face[name] is None for name in ("gender", "age", "mask", "mask_probs"))


def test_attributes_without_an_embedding(telling: Any, squares: Squares) -> None:
    """Section 1.2: all keys of the description appear, two of them null."""
    face = face_of(telling, squares((1, 1)), extract_embedding=False, extract_ga=True)
    assert face.keys() >= DESCRIPTION
    assert (face["vec"], face["norm"]) == (None, None)
    assert face["gender"] is not None


def test_crops_have_attributes_too(telling: Any, crop_png: Callable[..., bytes]) -> None:
    face = face_of(telling, crop_png(), embed_only=True, extract_ga=True, detect_masks=True)
    assert face["gender"] in (0, 1)
    assert isinstance(face["mask"], bool)


def test_without_such_networks_they_are_null(client: Any, squares: Squares, crop_png: Callable[..., bytes]) -> None:
    for picture, embed_only in ((squares((1, 1)), False), (crop_png(), True)):
        face = face_of(client, picture, extract_ga=True, detect_masks=True, embed_only=embed_only)
        assert all(face[name] is None for name in ("gender", "age", "mask", "mask_probs"))


def test_probabilities_are_single_floats_in_messagepack(telling: Any, squares: Squares) -> None:
    document = {"images": {"data": [squares((1, 1))]}, "detect_masks": True, "msgpack": True}
    kind = {"content-type": "application/msgpack"}
    answer = telling.post("/extract", content=ormsgpack.packb(document), headers=kind)
    assert b"\xaamask_probs\x82\xa4mask\xca" in answer.content  # 0xca: a 32-bit float


def test_info_names_the_networks(client: Any, telling: Any) -> None:
    models = telling.get("/info").json()["models"]
    assert (models["ga_name"], models["mask_detector"]) == ("genderage", "mask_detector")
    models = client.get("/info").json()["models"]
    assert (models["ga_name"], models["mask_detector"]) == (None, None)


def test_drawings_tell_of_masks_when_asked(telling: Any, squares: Squares) -> None:
    data = [base64.b64encode(squares((5, 5))).decode()]
    plain, masked = (
        telling.post("/draw_detections", json={"images": {"data": data}, "detect_masks": masks}).content
        for masks in (False, True)
    )
    assert plain != masked


# Defaults of requests


def test_defaults_are_the_settings(start_app: Callable[..., Any], squares: Squares) -> None:
    flags = ("return_face_data", "return_landmarks")
    client = start_app(ifr_threshold=0.9, ifr_flags=flags)
    assert client.get("/info").json()["defaults"] == {
        "return_face_data": True, "return_landmarks": True, "extract_embedding": False, "extract_ga": False,
        "detect_masks": False, "det_thresh": 0.9, "img_req_headers": {}, "sslv3_hack": False,
    }  # fmt: skip
    picture = squares((1, 1), (3, 3, (215, 215, 215)))  # scores 1 and 0.843
    [face] = extract(client, picture)["data"][0]["faces"]
    assert face.keys() == {"bbox", "landmarks", "prob", "num_det", "scale", "facedata", "size"}


def test_what_the_request_says_counts_more(start_app: Callable[..., Any], squares: Squares) -> None:
    client = start_app(ifr_threshold=0.9, ifr_flags=("return_landmarks",))
    picture = squares((1, 1), (3, 3, (215, 215, 215)))
    faces = extract(client, picture, threshold=0.6, extract_embedding=True, return_landmarks=False)["data"][0]["faces"]
    assert len(faces) == 2
    assert faces[0]["vec"] is not None
    assert "landmarks" not in faces[0]


def test_null_is_false_for_flags_and_the_default_for_the_threshold(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    client = start_app(ifr_threshold=0.9, ifr_flags=("return_landmarks",))
    picture = squares((1, 1), (3, 3, (215, 215, 215)))
    [face] = extract(client, picture, threshold=None, return_landmarks=None)["data"][0]["faces"]
    assert "landmarks" not in face


@pytest.mark.parametrize(("path", "same"), [("/draw_detections", False), ("/multipart/draw_detections", True)])
def test_of_drawings_only_the_form_keeps_its_threshold(
    start_app: Callable[..., Any], client: Any, squares: Squares, path: str, same: bool
) -> None:
    """Section 1.7: the form's default is a constant."""
    strict = start_app(ifr_threshold=0.9)
    picture = squares((1, 1), (3, 3, (215, 215, 215)))
    body: dict[str, Any] = (
        {"files": {"file": ("a.png", picture)}}
        if path.startswith("/multipart")
        else {"json": {"images": {"data": [base64.b64encode(picture).decode()]}}}
    )
    assert (strict.post(path, **body).content == client.post(path, **body).content) is same


def test_a_flag_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"ifr_flags: there is no extract_gender.*extract_ga"):
        load_settings(ifr_flags="extract_gender")
    assert load_settings(ifr_flags="none").ifr_flags == ()


def test_vectors_of_its_tensorrt_engine_can_be_had_with_colours_exchanged(
    client: Any, start_app: Callable[..., Any], crop_png: Callable[..., bytes]
) -> None:
    """W2 of section 6: since December 2023 that engine takes red for blue."""
    swapping = start_app(ifr_color="bgr")
    reddish, bluish = (base64.b64encode(crop_png(color)).decode() for color in ((250, 40, 10), (10, 40, 250)))

    def vector(asked: Any, crop: str) -> Any:
        answer = asked.post("/extract", json={"images": {"data": [crop]}, "embed_only": True}).json()
        return answer["data"][0]["faces"][0]["vec"]

    assert vector(swapping, reddish) == vector(client, bluish)
    assert vector(swapping, reddish) != vector(client, reddish)
