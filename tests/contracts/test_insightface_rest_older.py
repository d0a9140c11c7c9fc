"""InsightFace-REST's older dialects (1.9 of the contract; of its checklist, ``api_ver: "1"`` -> list of lists)."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import ormsgpack
import pytest
from PIL import Image

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

# Section 1.9, the table of V1's face keys.
KEYS_0_5 = {"status", "vec", "det", "prob", "bbox", "norm", "gender", "age"}
KEYS_0_5_9_5 = KEYS_0_5 | {"landmarks", "mask_prob"}
KEYS_0_5_9_8 = {
    "det", "prob", "bbox", "size", "landmarks", "gender", "age", "mask_prob", "norm", "vec",
}  # fmt: skip
KEYS_0_7_3 = {
    "bbox", "prob", "num_det", "scale", "norm", "vec", "gender", "age", "mask", "mask_probs", "size",
}  # fmt: skip


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def extract(client: Any, *pictures: bytes, path: str = "/extract", **fields: Any) -> Any:
    answer = client.post(path, json={"images": {"data": [text(picture) for picture in pictures]}, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def form_of(answer: Any) -> str:
    return "list" if isinstance(answer, list) else "envelope"


# Which form


@pytest.mark.parametrize(
    ("setting", "fields", "form"),
    [
        (None, {}, "envelope"),
        (None, {"max_size": [640, 480]}, "list"),
        (None, {"max_size": 640}, "list"),
        (None, {"max_size": 0}, "list"),
        (None, {"max_size": None}, "envelope"),
        (None, {"api_ver": "1"}, "list"),
        (None, {"api_ver": 1}, "list"),
        (None, {"api_ver": "2"}, "envelope"),
        (None, {"api_ver": 2}, "envelope"),
        (None, {"api_ver": "latest"}, "envelope"),  # the contract: any value but "1" selects V2
        (None, {"api_ver": "2", "max_size": [640, 480]}, "envelope"),
        (None, {"api_ver": None, "max_size": [640, 480]}, "list"),
        ("1", {}, "list"),
        ("1", {"max_size": [640, 480]}, "list"),
        ("1", {"api_ver": "2"}, "envelope"),
        ("2", {}, "envelope"),
        ("2", {"max_size": [640, 480]}, "envelope"),  # so the rule of max_size is switched off
        ("2", {"api_ver": "1"}, "list"),
    ],
)
def test_the_request_decides_then_the_setting_then_max_size(
    start_app: Callable[..., Any], squares: Squares, setting: str | None, fields: dict[str, Any], form: str
) -> None:
    client = start_app(ifr_form=setting, streams=1)
    assert form_of(extract(client, squares((1, 1)), **fields)) == form


@pytest.mark.parametrize("fields", [{}, {"api_ver": "1"}, {"max_size": [640, 480]}])
@pytest.mark.parametrize("setting", ["1", None])
def test_the_second_path_is_todays_form_whatever_else_is_said(
    start_app: Callable[..., Any], squares: Squares, setting: str | None, fields: dict[str, Any]
) -> None:
    client = start_app(ifr_form=setting, streams=1)
    answer = extract(client, squares((1, 1)), path="/v2/extract", **fields)
    assert list(answer) == ["took", "data"]
    assert list(answer["data"][0]) == ["status", "took_ms", "faces"]


@pytest.mark.parametrize("value", [[1], {"a": 1}, 1.5, True, "", [[[[]]]], "x" * 1000, 10**300])
def test_withdrawn_fields_never_end_a_request(client: Any, squares: Squares, value: Any) -> None:
    for name in ("api_ver", "max_size", "use_rotation"):
        assert extract(client, squares((1, 1)), **{name: value})


def test_deeply_nested_withdrawn_fields_are_taken(client: Any) -> None:
    """As deeply as bodies may be nested here at all: the original knows no limit but its parser's."""
    for name in (b"api_ver", b"max_size"):
        for depth, status in ((30, 200), (900, 413)):
            body = b'{"images": {}, "%s": %s}' % (name, b"[" * depth + b"]" * depth)
            answer = client.post("/extract", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == status


# The list over pictures of lists over faces


@pytest.mark.parametrize("fields", [{"max_size": [640, 480]}, {"api_ver": "1"}])
def test_every_version_finds_its_keys(client: Any, squares: Squares, fields: dict[str, Any]) -> None:
    [[face, dim]] = extract(client, squares((1, 2), (4, 4, (230, 230, 230))), **fields)
    assert face.keys() == KEYS_0_5 | KEYS_0_5_9_5 | KEYS_0_5_9_8 | KEYS_0_7_3
    assert face["status"] == "Ok"
    assert face["bbox"] == [64, 32, 96, 64]
    assert all(isinstance(number, int) for number in face["bbox"])
    assert (face["det"], face["num_det"], face["size"], face["scale"]) == (0, 0, 32, 1.0)
    assert (dim["det"], dim["num_det"]) == (1, 1)
    assert dim["prob"] == float(np.float32(230 / 255))
    assert np.linalg.norm(face["vec"]) == pytest.approx(1, abs=1e-5)
    assert len(face["vec"]) == 512
    assert face["norm"] > 0
    assert all(face[name] is None for name in ("landmarks", "gender", "age", "mask", "mask_probs", "mask_prob"))


def test_numbers_are_those_of_todays_form(client: Any, squares: Squares) -> None:
    picture = squares((1, 2), (4, 4), side=1280)
    listed = extract(client, picture, api_ver="1")[0]
    today = extract(client, picture)["data"][0]["faces"]
    for ours, theirs in zip(listed, today, strict=True):
        assert {name: ours[name] for name in theirs} == theirs


def test_landmarks_and_face_data_come_when_asked(client: Any, squares: Squares) -> None:
    [[face]] = extract(client, squares((1, 2)), api_ver="1", return_landmarks=True, return_face_data=True)
    assert np.array(face["landmarks"]).shape == (5, 2)
    with Image.open(io.BytesIO(base64.b64decode(face["facedata"]))) as crop:
        assert (crop.format, crop.size) == ("JPEG", (112, 112))


def test_without_embeddings_the_keys_stay(client: Any, squares: Squares) -> None:
    [[face]] = extract(client, squares((1, 2)), max_size=[640, 480], extract_embedding=False)
    assert face["vec"] is None
    assert face["norm"] is None
    assert face.keys() >= KEYS_0_5_9_5


def test_failed_pictures_and_pictures_without_faces_are_empty_lists(client: Any, squares: Squares) -> None:
    answer = extract(client, b"no picture", squares((1, 1)), squares(), max_size=[640, 480])
    assert [len(faces) for faces in answer] == [0, 1, 0]


def test_no_pictures_no_lists(client: Any) -> None:
    assert extract(client, max_size=[640, 480]) == []


def test_lists_come_in_messagepack_too(client: Any, squares: Squares) -> None:
    document = {"images": {"data": [squares((1, 1))]}, "api_ver": "1", "msgpack": True}
    answer = client.post("/extract", content=ormsgpack.packb(document), headers={"content-type": "application/msgpack"})
    assert answer.headers["content-type"] == "application/x-msgpack"
    [[face]] = ormsgpack.unpackb(answer.content)
    assert face["bbox"] == [32, 32, 64, 64]


# embed_only


def test_of_crops_the_oldest_form_is_one_flat_list(client: Any, crop_png: Callable[..., bytes]) -> None:
    """Section 1.9: so in 0.5.9.6 and 0.5.9.7."""
    answer = extract(client, crop_png(), b"no picture", crop_png((9, 9, 9)), embed_only=True, max_size=[640, 480])
    assert [face["status"] for face in answer] == ["Ok", "failed", "Ok"]
    assert answer[0].keys() >= KEYS_0_5
    assert (answer[0]["bbox"], answer[0]["prob"]) == ([0, 0, 112, 112], 1.0)
    assert answer[1].keys() == {"status", "traceback"}


def test_of_crops_the_form_of_api_ver_1_is_a_flat_list_in_an_envelope(
    client: Any, crop_png: Callable[..., bytes]
) -> None:
    """Section 1.9: so from 0.5.9.8 until 2025."""
    answer = extract(client, crop_png(), crop_png((9, 9, 9)), embed_only=True, api_ver="1")
    assert list(answer) == ["took_ms", "data", "status"]
    assert answer["status"] == "ok"
    assert [len(face["vec"]) for face in answer["data"]] == [512, 512]


def test_of_crops_the_form_of_api_ver_2_is_todays(client: Any, crop_png: Callable[..., bytes]) -> None:
    answer = extract(client, crop_png(), embed_only=True, api_ver="2")
    assert list(answer["data"][0]) == ["status", "took_ms", "faces"]


# max_size: 0


@pytest.mark.parametrize("max_size", [0, "0", [0, 0]])
def test_without_resizing_small_pictures_are_not_enlarged(client: Any, squares: Squares, max_size: Any) -> None:
    picture = squares((0, 0), side=320)
    assert extract(client, picture, max_size=[640, 480])[0][0]["scale"] == 2.0
    # The stand-in sees cells of 32 canvas pixels: only where nothing is scaled does a square of 16 not fill one.
    assert extract(client, picture, max_size=max_size) != extract(client, picture, max_size=[640, 480])
    white = io.BytesIO()
    Image.new("RGB", (320, 320), "white").save(white, "PNG")
    assert {face["scale"] for face in extract(client, white.getvalue(), max_size=max_size)[0]} == {1.0}


def test_larger_pictures_are_shrunk_all_the_same(client: Any, squares: Squares) -> None:
    """The network's input is fixed."""
    assert extract(client, squares((1, 1), side=1280), max_size=0)[0][0]["scale"] == 0.5


@pytest.mark.parametrize("fields", [{"api_ver": "1"}, {"api_ver": "2"}])
def test_of_later_versions_max_size_has_no_effect(client: Any, squares: Squares, fields: dict[str, Any]) -> None:
    """Section 1.1: without effect since 0.5.9.6, which knew no ``api_ver`` yet."""
    answer = extract(client, squares((0, 0), side=320), max_size=0, **fields)
    faces = answer[0] if isinstance(answer, list) else answer["data"][0]["faces"]
    assert faces[0]["scale"] == 2.0
