"""CompreFace's core service: requests as its clients send them, and errors; numbers as in ``test_compreface.py``."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from vultus.errors import EngineError
from vultus.settings.keys import digest_of

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

CACHE = "max-age=0, no-cache, no-store, must-revalidate, proxy-revalidate"
BOUNDARY = "18f2c6d0a9b"  # feign-form's: a time in hexadecimal
FORM = f"multipart/form-data; charset=UTF-8; boundary={BOUNDARY}"
NOT_FOUND = (
    "404 Not Found: The requested URL was not found on the server. If you entered the URL manually please check your "
    "spelling and try again."
)
BROKEN = "Image has incorrect format or is broken"
NO_FACE = "No face is found in the given image"


def feign(picture: bytes, name: str = "recalculated", **texts: str) -> bytes:
    """A form as the Java side writes it: the file without a type of its own, then texts with theirs."""
    file = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    ).encode()
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: text/plain; charset=UTF-8\r\n\r\n{text}\r\n"
        for name, text in texts.items()
    )
    return file + picture + b"\r\n" + fields.encode() + f"--{BOUNDARY}--\r\n".encode()


def post(client: Any, body: bytes, path: str = "/find_faces", kind: str = FORM) -> Any:
    return client.post(path, content=body, headers={"content-type": kind})


def base64_json(picture: bytes) -> bytes:
    """As Jackson prints it."""
    return b'{\n  "file" : "' + base64.b64encode(picture) + b'"\n}'


def post_json(client: Any, body: bytes, query: str = "", kind: str = "application/json") -> Any:
    return client.post(f"/find_faces_base64?{query}", content=body, headers={"content-type": kind})


def error(answer: Any) -> tuple[int, str]:
    """Status and text of an error in CompreFace's form."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == CACHE
    assert answer.json().keys() <= {"message", "code"}
    return answer.status_code, answer.json()["message"]


def untimed(answer: Any) -> Any:
    content = answer.json()
    for face in content["result"]:
        del face["execution_time"]
    return content


@pytest.fixture(scope="module")
def sole(start_app: Callable[..., Any]) -> Any:
    """A server that speaks nothing else."""
    return start_app(dialects="compreface", attributes="genderage", compreface_build="1.2.0")


# Requests as they are sent


@pytest.mark.parametrize("path", ["/status", "/status/"])
def test_status_with_a_form_that_is_none(sole: Any, path: str) -> None:
    """1; 1.3: Feign's GET names a form, without a boundary and without a body."""
    answer = sole.request("GET", path, headers={"content-type": "multipart/form-data"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    content = answer.json()
    assert content.keys() == {
        *("status", "build_version", "calculator_version", "similarity_coefficients", "available_plugins")
    }
    assert (content["status"], content["build_version"]) == ("OK", "1.2.0")
    assert [type(number) for number in content["similarity_coefficients"]] == [float, float]
    versions = content["available_plugins"]
    assert versions["calculator"] == content["calculator_version"]
    assert versions.keys() >= {"detector", "calculator", "landmarks", "gender", "age", "pose"}


@pytest.mark.parametrize("path", ["/find_faces", "/find_faces/"])
def test_the_form_of_feign(sole: Any, squares: Squares, path: str) -> None:
    """2: file name ``recalculated``, octet-stream, typed texts in any order; an empty text is an empty part."""
    picture = squares((1, 1), (2, 2))
    body = feign(picture, limit="1", det_prob_threshold="1.0E-4", face_plugins="calculator,age", detect_faces="true")
    answer = post(sole, body, path)
    assert answer.status_code == 200
    [face] = answer.json()["result"]
    assert face.keys() == {"box", "execution_time", "embedding", "age"}
    assert len(post(sole, feign(picture, face_plugins="", limit=""), path).json()["result"]) == 2


@pytest.mark.parametrize("name", ["Bäcker 1.jpg", "face", "x.exe", "recalculated"])
def test_names_and_types_of_files_do_not_count(sole: Any, squares: Squares, name: str) -> None:
    """1.4: the format is read from the bytes."""
    assert post(sole, feign(squares((1, 2)), name)).status_code == 200


@pytest.mark.parametrize("path", ["/find_faces_base64", "/find_faces_base64/"])
def test_base64_as_java_prints_it(sole: Any, squares: Squares, path: str) -> None:
    """4: the same answer as for the form; commas percent-encoded, an empty list of plugins as an empty value."""
    picture = squares((1, 1), (2, 2), (3, 3))
    query = "limit=2&det_prob_threshold=0.8&face_plugins=calculator%2Cage&detect_faces=true"
    sent = {"content": base64_json(picture), "headers": {"content-type": "application/json"}}
    answer = sole.post(f"{path}?{query}", **sent)
    assert answer.status_code == 200
    form = feign(picture, limit="2", det_prob_threshold="0.8", face_plugins="calculator,age", detect_faces="true")
    assert untimed(answer) == untimed(post(sole, form))
    assert len(answer.json()["result"]) == 2
    assert sole.post(f"{path}?face_plugins=", **sent).json()["plugins_versions"].keys() == {"detector"}


def test_in_the_json_only_the_file_counts(sole: Any, squares: Squares) -> None:
    """1.1."""
    content = {"file": base64.b64encode(squares((1, 1), (2, 2))).decode(), "limit": 1, "face_plugins": "calculator"}
    answer = post_json(sole, json.dumps(content).encode())
    assert len(answer.json()["result"]) == 2
    assert answer.json()["plugins_versions"].keys() == {"detector"}


@pytest.mark.parametrize("form", ["lines", "url-safe", "data-url", "charset"])
def test_other_ways_to_write_base64(sole: Any, form: str) -> None:
    """1.5, 9: line breaks are skipped; the alphabet for addresses and data URLs are read, which damaged pictures."""
    picture = Image.effect_noise((320, 320), 90).convert("RGB")
    picture.paste("white", (64, 32, 96, 64))
    with io.BytesIO() as file:
        picture.save(file, "PNG")
        data = file.getvalue()
    text = {
        "lines": base64.encodebytes(data).decode(),
        "url-safe": base64.urlsafe_b64encode(data).decode(),
        "data-url": "data:image/png;base64," + base64.b64encode(data).decode(),
        "charset": base64.b64encode(data).decode(),
    }[form]
    if form == "url-safe":
        assert {"-", "_"} <= set(text)
    kind = "application/json; charset=utf-8" if form == "charset" else "application/json"
    answer = post_json(sole, json.dumps({"file": text}).encode(), "limit=1", kind)
    assert answer.status_code == 200
    assert answer.json()["result"][0]["box"]["probability"] > 0.9


def test_the_transfer_encoded_part_of_the_benchmark_script(sole: Any, squares: Squares) -> None:
    """15."""
    lines = base64.encodebytes(squares((1, 2))).rstrip()
    head = '--image_file\r\nContent-Disposition: form-data; name="file"; filename="image.jpg"\r\n'
    body = f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode() + lines + b"\r\n--image_file--\n"
    for path in ("/scan_faces", "/scan_faces/", "/find_faces"):
        answer = post(sole, body, path, "multipart/form-data; boundary=image_file")
        assert answer.status_code == 200
        assert len(answer.json()["result"]) == 1
    assert "embedding" in post(sole, body, "/scan_faces", "multipart/form-data; boundary=image_file").text


def test_a_quoted_printable_part(sole: Any, squares: Squares) -> None:
    """1.4."""
    body = feign(binascii.b2a_qp(squares((1, 2)), istext=False)).replace(
        b"Encoding: binary", b"Encoding: Quoted-Printable"
    )
    assert post(sole, body).status_code == 200


def test_every_answer_must_not_be_kept(sole: Any, squares: Squares) -> None:
    """1.1: errors too."""
    answers = [sole.get(path) for path in ("/status", "/healthcheck", "/find_faces", "/embeddings")]
    answers += [post(sole, feign(squares((1, 2)))), post(sole, feign(b"")), post_json(sole, b"{}")]
    answers += [post(sole, feign(squares((1, 2))), "/scan_faces")]
    assert [answer.headers["cache-control"] for answer in answers] == [CACHE] * len(answers)


# 1.7: errors


def test_no_file(sole: Any) -> None:
    text = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nmy face\r\n--{BOUNDARY}--\r\n'
    ).encode()
    other = feign(b"x").replace(b'name="file"', b'name="image"')
    for answer in (post(sole, text), post(sole, other), sole.post("/find_faces"), sole.post("/scan_faces", json={})):
        assert error(answer) == (400, "400 Bad Request: No file is attached")


def test_a_file_without_a_name(sole: Any, squares: Squares) -> None:
    assert error(post(sole, feign(squares(), ""))) == (400, "400 Bad Request: No file is selected")


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_what_is_no_picture(sole: Any, squares: Squares, damage: str) -> None:
    """8; in the form and in base64."""
    picture = {"empty": b"", "text": b"no picture", "cut": squares((1, 2))[:200]}[damage]
    for answer in (post(sole, feign(picture)), post_json(sole, base64_json(picture))):
        assert error(answer) == (400, f"400 Bad Request: {BROKEN}")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("det_prob_threshold", "2", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),
        ("det_prob_threshold", "-0.1", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),
        ("det_prob_threshold", "nan", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),
        ("det_prob_threshold", "abc", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),  # 500 there
        ("det_prob_threshold", "0,5", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),  # 500 there
        ("det_prob_threshold", "", "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),  # 500 there
        ("det_prob_threshold", "1", NO_FACE),
        ("limit", "abc", "Limit format is invalid (limit >= 0)"),
        ("limit", "1.5", "Limit format is invalid (limit >= 0)"),
        ("limit", "-1", "Limit value is invalid (limit >= 0)"),
    ],
)
def test_parameters(sole: Any, squares: Squares, name: str, value: str, message: str) -> None:
    """8; in the form, in the query, for base64, for the scanner."""
    picture = squares((1, 2))
    query = f"{name}={value}"
    for answer in (
        post(sole, feign(picture, **{name: value})),
        post(sole, feign(picture), f"/find_faces?{query}"),
        post(sole, feign(picture), f"/scan_faces?{query}"),
        post_json(sole, base64_json(picture), query),
    ):
        assert error(answer) == (400, f"400 Bad Request: {message}")


def test_no_face(sole: Any, squares: Squares) -> None:
    """8; 7.3: Java reads 400 as such, so it never is an empty list."""
    for answer in (
        post(sole, feign(squares())),
        post(sole, feign(squares(), face_plugins="calculator")),
        post_json(sole, base64_json(squares())),
        post(sole, feign(squares()), "/scan_faces"),
    ):
        assert error(answer) == (400, f"400 Bad Request: {NO_FACE}")
        assert answer.json()["code"] == "no_face_found"


def test_parameters_are_looked_at_before_the_picture(sole: Any, squares: Squares) -> None:
    """A difference: there a wrong limit shows only where a face is found."""
    assert error(post(sole, feign(squares(), limit="-1")))[1].endswith("Limit value is invalid (limit >= 0)")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{", "application/json", "The browser (or proxy) sent a request that this server could not understand."),
        (b"", "application/json", "The browser (or proxy) sent a request that this server could not understand."),
        (b'{"file": "aGFsbG8="}', "text/plain", "application/json"),  # these were all 500
        (b'{"image": "aGFsbG8="}', "application/json", '{"file": "<base64>"}'),
        (b"[]", "application/json", '{"file": "<base64>"}'),
        (b'{"file": null}', "application/json", '{"file": "<base64>"}'),
        (b'{"file": 1}', "application/json", '{"file": "<base64>"}'),
        (b'{"file": "aGFsbG8"}', "application/json", "padding"),
        (b'{"file": ""}', "application/json", BROKEN),
        (b'{"file": "aGFsbG8="}', "application/json", BROKEN),
    ],
)
def test_bodies_that_are_no_base64_in_json(sole: Any, body: bytes, kind: str, said: str) -> None:
    status, message = error(post_json(sole, body, kind=kind))
    assert status == 400
    assert message.startswith("400 Bad Request: ")
    assert said in message


def test_a_damaged_form(sole: Any, squares: Squares) -> None:
    for body, kind in (
        (feign(squares())[:-20], FORM),
        (feign(squares()), "multipart/form-data"),
        (feign(squares()).replace(b"binary", b"uuencode"), FORM),
    ):
        assert error(post(sole, body, kind=kind))[0] == 400


@pytest.mark.parametrize("path", ["/embeddings", "/scan_faces_base64", "/find_faces/1", "/nothing"])
def test_paths_that_do_not_exist(sole: Any, path: str) -> None:
    assert error(sole.post(path)) == (404, NOT_FOUND)


def test_another_method(sole: Any) -> None:
    said = "405 Method Not Allowed: The method is not allowed for the requested URL."
    for path in ("/find_faces", "/find_faces_base64/", "/scan_faces"):
        answer = sole.get(path)
        assert error(answer) == (405, said)
        assert answer.headers["allow"] == "POST"
    assert error(sole.post("/status")) == (405, said)


def test_too_much_is_400_as_java_takes_the_rest_for_a_failure(start_app: Callable[..., Any], squares: Squares) -> None:
    """1.7's picture of too many pixels, and limits that are not there; ``code`` tells them apart."""
    picture = squares((1, 2))
    for setting, value, code in (
        ("max_picture_pixels", 1000, "picture_pixels_exceeded"),
        ("max_picture_bytes", 100, "picture_bytes_exceeded"),
        ("max_request_bytes", 300, "request_bytes_exceeded"),
    ):
        answer = post(start_app(**{setting: value}), feign(picture))
        status, message = error(answer)
        assert (status, answer.json()["code"]) == (400, code)
        assert message.startswith("400 Bad Request: ")
        assert setting in message


def test_a_plugin_that_fails(sole: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise EngineError("the device is gone")

    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    answer = post(sole, feign(squares((1, 2)), face_plugins="calculator"))
    assert error(answer) == (500, "EngineError: the device is gone")
    assert post(sole, feign(squares((1, 2)))).status_code == 200


def test_a_bug_tells_nothing(sole: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    status, message = error(post(sole, feign(squares((1, 2)), face_plugins="calculator")))
    assert status == 500
    assert message.startswith("500 Internal Server Error: ")
    assert "secret" not in message


def test_keys_are_asked_for_in_its_own_words_and_its_own_header(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    """1.1: the core itself asks for none; 7.6: CompreFace's clients know ``x-api-key`` and a UUID."""
    ours, theirs = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "00000000-0000-0000-0000-000000000002"
    client = start_app(dialects="compreface", keys=f"java:compreface:{digest_of(ours)}")

    def find(headers: dict[str, str]) -> Any:
        return client.post("/find_faces", files={"file": squares((1, 1))}, headers=headers)

    assert len(find({"x-api-key": ours}).json()["result"]) == 1
    for headers in ({}, {"x-api-key": theirs}):
        refused = find(headers)
        assert (refused.status_code, refused.headers["cache-control"]) == (401, CACHE)
        assert refused.json()["message"].startswith("401 Unauthorized: ")
    assert client.get("/healthcheck").json() == {"status": "OK"}
    assert client.get("/status").status_code == 401


def test_its_clients_may_stay_as_they_are_where_others_need_a_key(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    """1.1: a key that means something elsewhere is no reason to refuse."""
    client = start_app(keys=f"a:v1:{digest_of('f81d4fae-7dec-11d0-a765-00a0c91e6bf6')}", keyless="compreface")
    theirs = {"x-api-key": "00000000-0000-0000-0000-000000000002"}
    for headers in ({}, theirs):
        found = client.post("/find_faces", files={"file": squares((1, 1))}, headers=headers)
        assert len(found.json()["result"]) == 1
        assert client.get("/status", headers=headers).status_code == 200
    assert client.post("/extract", json={"images": {"data": []}}).status_code == 401
