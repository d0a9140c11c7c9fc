"""InsightFace-REST's drawing endpoints (sections 1.5 and 1.7 of the contract; item 8 of its checklist)."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ormsgpack
import pytest
from PIL import Image

from vultus.imaging import draw

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

JSON_PATH = "/draw_detections"
FORM_PATH = "/multipart/draw_detections"


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def draw_json(client: Any, *pictures: bytes, **fields: Any) -> Any:
    return client.post(JSON_PATH, json={"images": {"data": [text(picture) for picture in pictures]}, **fields})


def draw_form(client: Any, picture: bytes, **fields: Any) -> Any:
    return client.post(FORM_PATH, files={"file": ("a.png", picture, "image/png")}, data=fields)


WAYS = pytest.mark.parametrize("send", [draw_json, draw_form])


def pixels(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.array(image.convert("RGB"), np.int16)


def original(picture: bytes) -> Any:
    with Image.open(io.BytesIO(picture)) as image:
        return np.array(image.convert("RGB"), np.int16)


def is_changed(answer: Any, picture: bytes, left: int, top: int, right: int, bottom: int) -> bool:
    """Whether anything is drawn there; what JPEG alone makes of a flat picture stays far below the limit."""
    difference = np.abs(pixels(answer) - original(picture))[top:bottom, left:right]
    return bool(difference.max() > 60)


@WAYS
def test_the_answer_is_a_jpeg_of_the_whole_picture_and_says_so(client: Any, squares: Squares, send: Any) -> None:
    """Item 8. The original labels it ``image/png`` or ``image/jpg``."""
    answer = send(client, squares((5, 5), side=960))
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"
    assert pixels(answer).shape == (960, 960, 3)


@WAYS
def test_each_face_gets_a_box(client: Any, squares: Squares, send: Any) -> None:
    picture = squares((5, 5), (5, 15))  # boxes 160..192 x 160..192 and 480..512 x 160..192
    answer = send(client, picture, draw_scores=False, draw_sizes=False, draw_landmarks=False)
    for left in (160, 480):
        assert is_changed(answer, picture, left - 3, 170, left + 3, 182)
    assert not is_changed(answer, picture, 250, 100, 400, 500)


@WAYS
@pytest.mark.parametrize(
    ("flag", "area"),
    [
        ("draw_landmarks", (166, 166, 186, 186)),  # within the box
        ("draw_scores", (162, 140, 190, 156)),  # above it
        ("draw_sizes", (162, 140, 190, 156)),
    ],
)
def test_flags_switch_what_is_drawn(
    client: Any, squares: Squares, send: Any, flag: str, area: tuple[int, int, int, int]
) -> None:
    picture = squares((5, 5))
    off = {"draw_landmarks": "false", "draw_scores": "false", "draw_sizes": "false"}
    assert not is_changed(send(client, picture, **off), picture, *area)
    assert is_changed(send(client, picture, **(off | {flag: "true"})), picture, *area)


@WAYS
def test_everything_is_drawn_unless_told_otherwise(client: Any, squares: Squares, send: Any) -> None:
    picture = squares((5, 5))
    on = {"draw_landmarks": "true", "draw_scores": "true", "draw_sizes": "true", "threshold": "0.6"}
    assert send(client, picture).content == send(client, picture, **on).content


@WAYS
@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 3),
        ({"limit_faces": "2"}, 2),
        ({"limit_faces": "0"}, 3),
        ({"threshold": "0.9"}, 2),
        ({"threshold": "1"}, 0),
        ({"min_face_size": "33"}, 0),
        ({"min_face_size": "32"}, 3),
        ({"use_rotation": "true", "no_such_field": "1"}, 3),
    ],
)
def test_fields_choose_faces_and_the_footer_counts_them(
    client: Any, squares: Squares, send: Any, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], count: int
) -> None:
    footers: list[str] = []
    monkeypatch.setattr(draw, "_write_footer", lambda _, footer: footers.append(footer))
    answer = send(client, squares((1, 1), (2, 2), (3, 3, (215, 215, 215))), **fields)
    assert answer.status_code == 200
    assert footers == [f"faces: {count} (scrfd_500m_bnkps)"]


@WAYS
def test_the_footer_is_at_the_lower_left(client: Any, squares: Squares, send: Any) -> None:
    picture = squares()
    answer = send(client, picture)
    assert is_changed(answer, picture, 0, 600, 200, 640)
    assert not is_changed(answer, picture, 320, 0, 640, 640)


def test_only_the_first_picture_is_looked_at(client: Any, squares: Squares) -> None:
    first = squares((5, 5))
    assert draw_json(client, first, b"no picture").content == draw_json(client, first).content


def test_null_fields_and_masks_are_taken(client: Any, squares: Squares) -> None:
    null = dict.fromkeys(("threshold", "limit_faces", "min_face_size", "detect_masks"))
    assert draw_json(client, squares((5, 5)), **null).content == draw_json(client, squares((5, 5))).content


def test_messagepack_is_read_too(client: Any, squares: Squares) -> None:
    body = ormsgpack.packb({"images": {"data": [squares((5, 5))]}})
    answer = client.post(JSON_PATH, content=body, headers={"content-type": "application/msgpack"})
    assert answer.content == draw_json(client, squares((5, 5))).content


def test_a_picture_may_be_named(start_app: Callable[..., Any], squares: Squares, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(squares((5, 5)))
    client = start_app(image_root=tmp_path)
    answer = client.post(JSON_PATH, json={"images": {"urls": ["a.png", "b.png"]}})
    assert answer.content == draw_json(client, squares((5, 5))).content
    missing = client.post(JSON_PATH, json={"images": {"urls": ["b.png"]}})
    assert missing.status_code == 422
    assert list(missing.json()) == ["detail"]


def test_a_photograph_is_turned_upright(client: Any) -> None:
    """EXIF orientation 6: the picture is to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with io.BytesIO() as file:
        Image.new("RGB", (64, 32), "navy").save(file, "JPEG", exif=exif)
        picture = file.getvalue()
    assert pixels(draw_form(client, picture)).shape == (64, 32, 3)


# Errors: the original answers 500 to what only the client can mend


@pytest.mark.parametrize("images", [{}, {"data": []}, {"urls": []}, {"data": None, "urls": None}])
def test_without_a_picture_there_is_no_drawing(client: Any, images: Any) -> None:
    answer = client.post(JSON_PATH, json={"images": images})
    assert answer.status_code == 422
    assert answer.json() == {"detail": "there is no picture to draw into; send one in images.data"}


@WAYS
@pytest.mark.parametrize(("picture", "status"), [(b"no picture", 415), (b"\xff\xd8\xff\xe0", 422), (b"", 422)])
def test_an_unreadable_picture_is_told_in_one_sentence(client: Any, send: Any, picture: bytes, status: int) -> None:
    answer = send(client, picture)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    assert 0 < len(answer.json()["detail"]) < 200


@WAYS
def test_a_picture_that_is_too_large_is_refused(start_app: Callable[..., Any], send: Any) -> None:
    answer = send(start_app(max_picture_bytes=1000), b"A" * 1001)
    assert answer.status_code == 413
    assert "max_picture_bytes" in answer.json()["detail"]


@WAYS
def test_a_wrong_field_is_named(client: Any, squares: Squares, send: Any) -> None:
    answer = send(client, squares(), threshold="abc")
    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {
            "type": "float_parsing",
            "loc": ["body", "threshold"],
            "msg": "Input should be a valid number, unable to parse string as a number",
            "input": "abc",
        }
    ]


@pytest.mark.parametrize("body", [b"{}", b"", b"{broken"])
def test_a_body_without_images_does_not_validate(client: Any, body: bytes) -> None:
    answer = client.post(JSON_PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


def raw_form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--b--\r\n"


def send_raw(client: Any, body: bytes, kind: str = "multipart/form-data; boundary=b") -> Any:
    return client.post(FORM_PATH, content=body, headers={"content-type": kind})


def test_a_form_as_browsers_write_it(client: Any, squares: Squares) -> None:
    picture = squares((5, 5), (5, 15))
    body = raw_form(
        b'name="limit_faces"\r\n\r\n1',
        b'name="threshold"\r\n\r\n',  # an empty field of a form is one not filled in
        b'name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + picture,
    )
    assert send_raw(client, body).content == draw_form(client, picture, limit_faces="1").content


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (raw_form(b'name="threshold"\r\n\r\n0.5'), "multipart/form-data; boundary=b"),
        (b"threshold=0.5", "application/x-www-form-urlencoded"),
        (b'{"images": {}}', "application/json"),
    ],
)
def test_a_missing_file_is_named(client: Any, body: bytes, kind: str) -> None:
    answer = send_raw(client, body, kind)
    assert answer.status_code == 422
    [entry] = answer.json()["detail"]
    assert (entry["type"], entry["loc"], entry["msg"]) == ("missing", ["body", "file"], "Field required")


def test_a_file_that_was_sent_as_text_is_refused_as_fastapi_does(client: Any, squares: Squares) -> None:
    """Section 1.7: ``file`` is an upload; what FastAPI says of text in its place."""
    entry = {
        "type": "value_error",
        "loc": ["body", "file"],
        "msg": "Value error, Expected UploadFile, received: <class 'str'>",
        "input": "picture",
        "ctx": {"error": {}},
    }
    answer = send_raw(client, raw_form(b'name="file"\r\n\r\npicture'))
    assert (answer.status_code, answer.json()) == (422, {"detail": [entry]})
    picture = squares((5, 5))
    parts = (b'name="file"; filename="a.png"\r\n\r\n' + picture, b'name="file"\r\n\r\npicture')
    assert send_raw(client, raw_form(*parts)).status_code == 422  # the last of a name counts
    assert send_raw(client, raw_form(*reversed(parts))).content == draw_form(client, picture).content


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (raw_form(b'name="file"\r\n\r\nx')[:-10], "multipart/form-data; boundary=b"),
        (b"x", "multipart/form-data"),
        (b"\xff\xd8\xff", "multipart/form-data; boundary=b"),
    ],
)
def test_what_is_no_form_is_refused(client: Any, body: bytes, kind: str) -> None:
    answer = send_raw(client, body, kind)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("path", [JSON_PATH, FORM_PATH])
def test_a_wrong_method_is_refused_in_the_dialects_words(client: Any, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"detail": "Method Not Allowed"}
