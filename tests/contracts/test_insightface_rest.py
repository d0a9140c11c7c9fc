"""InsightFace-REST 0.9.5: requests and answers as its clients know them (sections 1.1 to 1.3 of the contract).

Of the contract's checklist (section 9): items 1 to 5, 7 (scale and template) and, of what may be improved, W1, W9 (no
face in a picture), null numbers, crops that cannot be used, short error texts and the real ``took_ms``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import ormsgpack
import pytest
from PIL import Image

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

BASE_KEYS = ["bbox", "prob", "num_det", "scale"]
DESCRIPTION = ["norm", "vec", "gender", "age", "mask", "mask_probs"]
UNREADABLE = "Can't decode file, possibly not an image"


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def extract(client: Any, *pictures: bytes | str, **fields: Any) -> Any:
    """The answer to pictures sent as JSON."""
    data = [picture if isinstance(picture, str) else text(picture) for picture in pictures]
    answer = client.post("/extract", json={"images": {"data": data}, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(client: Any, body: bytes, content_type: str | None = "application/json", **headers: str) -> Any:
    given = headers if content_type is None else {"content-type": content_type, **headers}
    return client.post("/extract", content=body, headers=given)


def pack(client: Any, document: Any, content_type: str = "application/msgpack", **headers: str) -> Any:
    return send(client, ormsgpack.packb(document), content_type, **headers)


# 1.1 Request: media types (items 1, 2)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/x+json", None])
def test_json_is_read_also_when_its_type_is_not_told(client: Any, squares: Squares, kind: str | None) -> None:
    body = orjson.dumps({"images": {"data": [text(squares((1, 1)))]}})
    assert len(send(client, body, kind).json()["data"][0]["faces"]) == 1


@pytest.mark.parametrize("kind", ["application/msgpack", "application/x-msgpack", "application/msgpack; charset=utf-8"])
def test_messagepack_is_read_under_all_its_names(client: Any, squares: Squares, kind: str) -> None:
    answer = pack(client, {"images": {"data": [squares((1, 1))]}}, kind)
    assert len(answer.json()["data"][0]["faces"]) == 1


def test_the_official_clients_request_is_answered(client: Any, squares: Squares) -> None:
    document = {
        "images": {"data": [squares((1, 2))]}, "threshold": 0.6, "extract_ga": False, "extract_embedding": True,
        "return_face_data": False, "return_landmarks": False, "embed_only": False, "limit_faces": 0,
        "min_face_size": 0, "msgpack": True, "img_req_headers": {},
    }  # fmt: skip
    answer = pack(client, document, accept="application/x-msgpack")
    assert answer.headers["content-type"] == "application/x-msgpack"
    assert ormsgpack.unpackb(answer.content)["data"][0]["faces"][0]["bbox"] == [64, 32, 96, 64]


def test_the_asynchronous_client_sends_null_headers(client: Any, squares: Squares) -> None:
    assert extract(client, squares((1, 1)), img_req_headers=None)["data"][0]["status"] == "ok"


def test_fields_of_older_clients_are_ignored(client: Any, squares: Squares) -> None:
    answer = extract(client, squares((1, 1)), api_ver="2", max_size=[640, 480], use_rotation=True, unheard_of={"a": 1})
    assert len(answer["data"][0]["faces"]) == 1


# 1.1 Request: pictures (items 1, 2; files confined to their folder, addresses off)


def test_text_before_the_last_comma_and_alien_characters_are_dropped(client: Any, squares: Squares) -> None:
    plain = text(squares((1, 1)))
    wrapped = "\n".join(plain[i : i + 76] for i in range(0, len(plain), 76))
    answer = extract(client, plain, f"data:image/png;base64,{plain}", f"a,b,{plain}", wrapped)
    assert [len(entry["faces"]) for entry in answer["data"]] == [1, 1, 1, 1]


def test_text_in_messagepack_fails_for_its_picture(client: Any, squares: Squares) -> None:
    answer = pack(client, {"images": {"data": [text(squares((1, 1))), squares((1, 1))]}}).json()
    assert answer["data"][0]["traceback"] == "a bytes-like object is required, not 'str'"
    assert answer["data"][1]["status"] == "ok"


def test_names_win_over_pictures_sent_along(start_app: Callable[..., Any], squares: Squares, tmp_path: Path) -> None:
    (tmp_path / "two.png").write_bytes(squares((1, 1), (1, 2)))
    (tmp_path / "text.png").write_bytes(b"no picture")
    client = start_app(image_root=tmp_path)
    images = {"urls": ["two.png", "nope.png", "text.png", "../x.png"], "data": [text(squares((1, 1)))]}
    data = client.post("/extract", json={"images": images}).json()["data"]
    assert [entry["status"] for entry in data] == ["ok", "failed", "failed", "failed"]
    assert len(data[0]["faces"]) == 2
    assert "nope.png" not in str(tmp_path)
    assert str(tmp_path) not in data[1]["traceback"]
    assert data[2]["traceback"] == UNREADABLE


def test_addresses_are_refused_unless_allowed(client: Any) -> None:
    data = client.post("/extract", json={"images": {"urls": ["http://127.0.0.1:1/a.jpg"]}}).json()["data"]
    assert data[0]["status"] == "failed"
    assert "fetch_urls" in data[0]["traceback"]


def test_no_names_means_no_pictures_even_with_data(client: Any, squares: Squares) -> None:
    answer = client.post("/extract", json={"images": {"urls": [], "data": [text(squares((1, 1)))]}})
    assert answer.json()["data"] == []


# 1.1 Request: fields (item 1; W1)


def test_the_threshold_is_0_6_unless_told(client: Any, squares: Squares) -> None:
    picture = squares((1, 1), (3, 3, (215, 215, 215)))  # scores 1 and 0.843
    assert len(extract(client, picture)["data"][0]["faces"]) == 2
    assert len(extract(client, picture, threshold=0.9)["data"][0]["faces"]) == 1
    assert client.get("/info").json()["defaults"]["det_thresh"] == 0.6


@pytest.mark.parametrize(("threshold", "count"), [(1.5, 0), (1.0, 0), ("0.9", 1), (True, 0), (None, 2), (-1, None)])
def test_any_threshold_is_answered(client: Any, squares: Squares, threshold: Any, count: int | None) -> None:
    picture = squares((1, 1), (3, 3, (215, 215, 215)))
    entry = extract(client, picture, threshold=threshold)["data"][0]
    assert entry["status"] == "ok"
    assert count is None or len(entry["faces"]) == count


def test_a_threshold_that_is_no_number_finds_nothing(client: Any, squares: Squares) -> None:
    body = b'{"images": {"data": ["%s"]}, "threshold": NaN}' % text(squares((1, 1))).encode()
    assert send(client, body).json()["data"][0]["faces"] == []


@pytest.mark.parametrize("true", [True, 1, "true", "1", "yes", "on"])
def test_flags_are_read_laxly(client: Any, squares: Squares, true: Any) -> None:
    assert "landmarks" in extract(client, squares((1, 1)), return_landmarks=true)["data"][0]["faces"][0]


@pytest.mark.parametrize(
    "field",
    [
        "threshold", "embed_only", "return_face_data", "return_landmarks", "extract_ga", "detect_masks", "limit_faces",
        "min_face_size", "verbose_timings", "msgpack", "img_req_headers",
    ],
)  # fmt: skip
def test_null_stands_for_the_default(client: Any, squares: Squares, field: str) -> None:
    picture = squares((1, 1), (2, 2))
    assert faces_without_time(extract(client, picture, **{field: None})) == faces_without_time(extract(client, picture))


def test_a_null_flag_acts_as_false(client: Any, squares: Squares) -> None:
    face = extract(client, squares((1, 1)), extract_embedding=None)["data"][0]["faces"][0]
    assert list(face) == [*BASE_KEYS, "size"]


def faces_without_time(answer: Any) -> Any:
    return [entry["faces"] for entry in answer["data"]]


def test_limits_keep_the_first_faces_and_negative_ones_none(client: Any, squares: Squares) -> None:
    picture = squares((1, 1), (2, 2), (3, 3))
    for limit, count in ((2, 2), ("2", 2), (0, 3), (-5, 3), (10**400, 3)):
        assert len(extract(client, picture, limit_faces=limit)["data"][0]["faces"]) == count


def test_small_faces_are_dropped_from_their_own_picture(client: Any, squares: Squares) -> None:
    """The original moves faces into earlier pictures here."""
    small, large = squares((1, 1)), squares((1, 1), side=1280)  # faces of 32 and 64 pixels
    data = extract(client, small, large, small, min_face_size=40)["data"]
    assert [len(entry["faces"]) for entry in data] == [0, 1, 0]
    assert data[1]["faces"][0]["size"] == 64
    assert len(extract(client, small, min_face_size=-1)["data"][0]["faces"]) == 1


# 1.2 Response (items 3, 4, 7; W9)


def test_a_face_has_the_keys_and_types_of_the_contract(client: Any, squares: Squares) -> None:
    answer = extract(client, squares((1, 2), (4, 4, (230, 230, 230))))
    assert list(answer) == ["took", "data"]
    assert list(answer["took"]) == ["total_ms"]
    assert isinstance(answer["took"]["total_ms"], float)
    entry = answer["data"][0]
    assert list(entry) == ["status", "took_ms", "faces"]
    assert entry["status"] == "ok"
    assert 0 < entry["took_ms"] <= answer["took"]["total_ms"]
    face, dim = entry["faces"]
    assert list(face) == [*BASE_KEYS, *DESCRIPTION, "size"]
    assert face["bbox"] == [64, 32, 96, 64]
    assert all(isinstance(number, int) for number in face["bbox"])
    assert (face["size"], face["num_det"], face["scale"]) == (32, 0, 1.0)
    assert dim["num_det"] == 1
    assert dim["prob"] == float(np.float32(230 / 255))  # float32, widened
    assert len(face["vec"]) == 512
    assert np.linalg.norm(face["vec"]) == pytest.approx(1, abs=1e-5)
    assert isinstance(face["norm"], float)
    assert all(face[name] is None for name in ("gender", "age", "mask", "mask_probs"))


@pytest.mark.parametrize("ga", [False, True])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("embedding", [False, True])
@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("facedata", [False, True])
def test_keys_are_present_as_the_flags_say(
    client: Any, squares: Squares, ga: bool, masks: bool, embedding: bool, landmarks: bool, facedata: bool
) -> None:
    answer = extract(
        client, squares((1, 1)), extract_ga=ga, detect_masks=masks, extract_embedding=embedding,
        return_landmarks=landmarks, return_face_data=facedata,
    )  # fmt: skip
    face = answer["data"][0]["faces"][0]
    described = DESCRIPTION if ga or masks or embedding else []
    assert list(face) == [
        "bbox", *["landmarks"] * landmarks, "prob", "num_det", "scale", *["facedata"] * facedata, *described, "size",
    ]  # fmt: skip
    if described:
        assert (face["vec"] is not None) is embedding
        assert (face["norm"] is not None) is embedding


def test_landmarks_are_whole_and_facedata_is_an_aligned_jpeg(client: Any, squares: Squares) -> None:
    face = extract(client, squares((1, 2)), return_landmarks=True, return_face_data=True)["data"][0]["faces"][0]
    assert np.array(face["landmarks"]).shape == (5, 2)
    assert all(isinstance(number, int) for point in face["landmarks"] for number in point)
    # The stand-in's landmarks are the published template (contract, 4.2), shrunk to the face's 32 pixels; truncated.
    assert face["landmarks"][0] == [64 + int(38.2946 * 32 / 112), 32 + int(51.6963 * 32 / 112)]
    with Image.open(io.BytesIO(base64.b64decode(face["facedata"]))) as crop:
        assert (crop.format, crop.size) == ("JPEG", (112, 112))


def test_boxes_are_in_pixels_of_the_picture(client: Any, squares: Squares) -> None:
    face = extract(client, squares((0, 0), side=320))["data"][0]["faces"][0]
    assert (face["scale"], face["bbox"]) == (2.0, [0, 0, 16, 16])


@pytest.mark.parametrize(
    ("size", "scale"),
    [((1600, 898), 0.4), ((220, 269), 1.66543), ((320, 320), 2.0), ((319, 319), 1.40439), ((100, 100), 4.48)],
)
def test_the_scale_is_the_contracts(client: Any, size: tuple[int, int], scale: float) -> None:
    """Examples of section 4.1."""
    with io.BytesIO() as file:
        Image.new("RGB", size, "white").save(file, "PNG")
        faces = extract(client, file.getvalue(), limit_faces=1)["data"][0]["faces"]
    assert faces[0]["scale"] == pytest.approx(scale, abs=1e-5)


def test_more_timings_on_request(client: Any, squares: Squares) -> None:
    took = extract(client, squares((1, 1)), verbose_timings=True)["took"]
    assert list(took) == ["total_ms", "read_imgs_ms", "embed_all_ms"]
    assert all(isinstance(number, float) and number > 0 for number in took.values())


def test_a_picture_without_faces_is_good(client: Any, squares: Squares) -> None:
    entry = extract(client, squares())["data"][0]
    assert (entry["status"], entry["faces"]) == ("ok", [])


@pytest.mark.parametrize("images", [{}, {"data": []}, {"data": None, "urls": None}, {"urls": []}])
def test_nothing_to_do_is_done(client: Any, images: Any) -> None:
    answer = client.post("/extract", json={"images": images})
    assert answer.status_code == 200
    assert answer.json()["data"] == []
    assert answer.json()["took"].keys() == {"total_ms"}


def test_good_and_bad_pictures_stay_in_their_places(client: Any, squares: Squares) -> None:
    data = extract(client, "A", squares((1, 1)), b"no picture", squares((1, 1), (2, 2)), squares()[:150])["data"]
    assert [entry["status"] for entry in data] == ["failed", "ok", "failed", "ok", "failed"]
    assert [len(entry["faces"]) for entry in data] == [0, 1, 0, 2, 0]
    failed = [data[0], data[2], data[4]]
    assert all(list(entry) == ["status", "took_ms", "faces", "traceback"] for entry in failed)
    assert all(entry["took_ms"] == 0.0 and isinstance(entry["traceback"], str) for entry in failed)
    assert [entry["traceback"] for entry in failed[1:]] == [UNREADABLE, UNREADABLE]
    assert "Traceback" not in failed[0]["traceback"]
    assert all("traceback" not in entry for entry in (data[1], data[3]))


# 1.3 embed_only (item 5)


def test_crops_have_an_envelope_of_their_own(client: Any, crop_png: Callable[..., bytes]) -> None:
    answer = extract(client, crop_png(), crop_png((9, 9, 9)), embed_only=True)
    assert answer.keys() == {"took_ms", "status", "data"}
    assert answer["status"] == "ok"
    assert len(answer["data"]) == 2
    entry = answer["data"][0]
    assert entry.keys() == {"status", "took_ms", "faces"}
    face = entry["faces"][0]
    assert face.keys() == {*DESCRIPTION, "bbox", "size", "prob", "status"}
    assert (face["bbox"], face["size"], face["prob"], face["status"]) == ([0, 0, 112, 112], 112, 1.0, "ok")
    assert np.linalg.norm(face["vec"]) == pytest.approx(1, abs=1e-5)
    assert face["norm"] > 0


def test_of_crops_other_fields_are_ignored(client: Any, crop_png: Callable[..., bytes]) -> None:
    answer = extract(
        client, crop_png(), embed_only=True, threshold=2, limit_faces=1, min_face_size=900, return_face_data=True,
        return_landmarks=True, verbose_timings=True,
    )  # fmt: skip
    assert answer.keys() == {"took_ms", "status", "data"}
    assert answer["data"][0]["faces"][0].keys() == {*DESCRIPTION, "bbox", "size", "prob", "status"}


def test_a_crop_that_cannot_be_used_fails_alone(client: Any, crop_png: Callable[..., bytes]) -> None:
    answer = extract(client, crop_png(), b"no picture", crop_png(width=96), crop_png(), embed_only=True)
    assert answer["status"] == "ok"
    assert [entry["status"] for entry in answer["data"]] == ["ok"] * 4
    faces = [entry["faces"][0] for entry in answer["data"]]
    assert [face["status"] for face in faces] == ["ok", "failed", "failed", "ok"]
    assert faces[1] == {"status": "failed", "traceback": UNREADABLE}
    assert faces[2].keys() == {"status", "traceback"}
    assert "112x112" in faces[2]["traceback"]


def test_crops_without_embedding_have_nulls(client: Any, crop_png: Callable[..., bytes]) -> None:
    face = extract(client, crop_png(), embed_only=True, extract_embedding=False)["data"][0]["faces"][0]
    assert face["norm"] is None
    assert face["vec"] is None


def test_no_crops_are_done(client: Any) -> None:
    answer = extract(client, embed_only=True)
    assert (answer["status"], answer["data"]) == ("ok", [])
