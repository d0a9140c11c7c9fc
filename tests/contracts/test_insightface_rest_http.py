"""InsightFace-REST 0.9.5: media types, errors and service endpoints as its clients know them (1.4, 1.5 and 1.8).

Of the contract's checklist (section 9): items 2 and 6 and, of what may be improved, answers without ``Accept``,
``application/x-msgpack`` requests, media-type lists and limits.
"""

from __future__ import annotations

import base64
import struct
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import ormsgpack
import pytest

from vultus.engine import FaceEngine
from vultus.server import canary
from vultus.settings import Settings

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def send(client: Any, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    return client.post("/extract", content=body, headers={"content-type": content_type, **headers})


# 1.4 Media type of the answer (item 2)


@pytest.mark.parametrize(
    ("accept", "flag", "expected"),
    [
        ("application/x-msgpack", False, "application/x-msgpack"),
        ("application/x-msgpack, */*", False, "application/x-msgpack"),
        ("*/*", True, "application/x-msgpack"),
        ("application/json", True, "application/x-msgpack"),
        ("*/*", False, "application/json"),
        ("application/json", False, "application/json"),
    ],
)
def test_the_answers_type_is_exact(client: Any, squares: Squares, accept: str, flag: bool, expected: str) -> None:
    body = orjson.dumps({"images": {"data": [text(squares((1, 1)))]}, "msgpack": flag})
    answer = send(client, body, accept=accept)
    assert answer.headers["content-type"] == expected
    assert int(answer.headers["content-length"]) == len(answer.content)
    content = ormsgpack.unpackb(answer.content) if "msgpack" in expected else answer.json()
    assert content["data"][0]["status"] == "ok"


@pytest.mark.parametrize(
    "lines",
    [
        ["*/*", "application/x-msgpack"],
        ["application/x-msgpack", "*/*"],
        ["application/json", "application/x-msgpack"],
        ["text/plain", "application/msgpack"],
    ],
)
def test_every_accept_line_counts(client: Any, lines: list[str]) -> None:
    headers = [("content-type", "application/json"), *(("accept", line) for line in lines)]
    answer = client.post("/extract", content=b'{"images": {}}', headers=headers)
    assert answer.headers["content-type"] == "application/x-msgpack"


def test_without_accept_json_is_answered(client: Any) -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b'{"images": {}}', "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/extract", "raw_path": b"/extract", "query_string": b"",
            "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
            "root_path": "", "server": ("test", 80), "client": ("test", 1),
        }  # fmt: skip
        await client.app(scope, receive, keep)

    client.run(ask())
    assert sent[0]["status"] == 200
    assert (b"content-type", b"application/json") in sent[0]["headers"]


def test_messagepack_holds_single_floats_and_the_same_structure(client: Any, squares: Squares) -> None:
    fields = {"return_landmarks": True, "return_face_data": True, "verbose_timings": True}
    picture = squares((1, 2, (230, 230, 230)))
    plain = client.post("/extract", json={"images": {"data": [text(picture)]}, **fields}).json()
    document = {"images": {"data": [picture]}, "msgpack": True, **fields}
    answer = send(client, ormsgpack.packb(document), "application/msgpack")
    packed = ormsgpack.unpackb(answer.content)
    ours, theirs = packed["data"][0]["faces"][0], plain["data"][0]["faces"][0]
    assert list(packed["took"]) == list(plain["took"])
    assert list(ours) == list(theirs)
    assert isinstance(ours["facedata"], str)
    assert {name: ours[name] for name in ours if name != "vec"} == {
        name: theirs[name] for name in ours if name != "vec"
    }
    np.testing.assert_array_equal(np.float32(ours["vec"]), np.float32(theirs["vec"]))
    # MessagePack specification: 0xcb marks a 64-bit float, 0xca a 32-bit one.
    assert b"\xa4prob\xca" + struct.pack(">f", 230 / 255) in answer.content
    assert b"\xa8total_ms\xca" in answer.content
    assert b"\xa7took_ms\xca" in answer.content
    assert b"\xa4norm\xca" in answer.content
    assert b"\xa3vec\xdc\x02\x00\xca" in answer.content


def test_any_origin_may_ask(client: Any) -> None:
    answer = client.post("/extract", json={"images": {}}, headers={"origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    # Of the contract's "credentials allowed", which no browser accepts beside *, the docs say why it is left out.
    assert "access-control-allow-credentials" not in answer.headers


# 1.5 Errors


@pytest.mark.parametrize(
    ("body", "kind", "loc", "message"),
    [
        (b"{}", "missing", ["body", "images"], "Field required"),
        (
            b'{"images": {}, "threshold": "abc"}', "float_parsing", ["body", "threshold"],
            "Input should be a valid number, unable to parse string as a number",
        ),
        (b'{"images": {"urls": "a"}}', "list_type", ["body", "images", "urls"], "Input should be a valid list"),
        (b'{"images": {"data": "a"}}', "list_type", ["body", "images", "data"], "Input should be a valid list"),
        (b"{broken", "json_invalid", ["body", 1], "JSON decode error"),
        (b"", "missing", ["body"], "Field required"),
        (b"null", "missing", ["body"], "Field required"),
        (
            b'{"images": [1]}', "model_attributes_type", ["body", "images"],
            "Input should be a valid dictionary or object to extract fields from",
        ),
        (
            b'{"images": {}, "limit_faces": 1.5}', "int_from_float", ["body", "limit_faces"],
            "Input should be a valid integer, got a number with a fractional part",
        ),
        (
            b'{"images": {}, "embed_only": "perhaps"}', "bool_parsing", ["body", "embed_only"],
            "Input should be a valid boolean, unable to interpret input",
        ),
        (b'{"images": {}, "img_req_headers": 1}', "dict_type", ["body", "img_req_headers"],
         "Input should be a valid dictionary"),
    ],
)  # fmt: skip
def test_what_does_not_validate_is_told_as_pydantic_does(
    client: Any, body: bytes, kind: str, loc: list[Any], message: str
) -> None:
    answer = send(client, body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    entry = answer.json()["detail"][0]
    assert (entry["type"], entry["loc"], entry["msg"]) == (kind, loc, message)


def test_the_wrong_value_is_told_back(client: Any) -> None:
    assert send(client, b'{"images": {}, "threshold": "abc"}').json()["detail"] == [
        {
            "type": "float_parsing",
            "loc": ["body", "threshold"],
            "msg": "Input should be a valid number, unable to parse string as a number",
            "input": "abc",
        }
    ]
    assert send(client, b"{}").json()["detail"][0]["input"] == {}


def test_broken_json_says_what_is_expected(client: Any) -> None:
    entry = send(client, b"{broken").json()["detail"][0]
    assert entry["ctx"] == {"error": "Expecting property name enclosed in double quotes"}
    assert entry["input"] == {}


@pytest.mark.parametrize("body", [b"[" * 32, b'{"a":' * 32, b"\xff\xfe", b'{"images": {"data": ["\xff"]}}'])
def test_hostile_json_is_an_ordinary_error(client: Any, body: bytes) -> None:
    answer = send(client, body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "json_invalid"


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"[" * 1000, "max_json_depth"),
        (b'{"a":' * 1000, "max_json_depth"),
        (b'{"images": {"data": [' + b"1," * 100_000, "max_json_values"),
    ],
)
def test_a_body_beyond_the_limits_is_refused_before_it_is_read(client: Any, body: bytes, limit: str) -> None:
    answer = send(client, body)
    assert answer.status_code == 413
    assert limit in answer.json()["detail"]


@pytest.mark.parametrize("body", [b'{"images": {}}', b"\xff\xd8\xff\x00"])
@pytest.mark.parametrize("kind", ["text/plain", "image/jpeg"])
def test_other_media_types_are_no_object(client: Any, body: bytes, kind: str) -> None:
    answer = send(client, body, kind)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "model_attributes_type"
    assert answer.json()["detail"][0]["loc"] == ["body"]


def test_long_values_are_not_sent_back_whole(client: Any) -> None:
    answer = client.post("/extract", json={"images": "A" * 1_000_000, "threshold": ["B" * 1000] * 1000})
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    "document",
    [
        {"images": {"data": [1] * 90_000}},
        {"images": {"urls": [1] * 90_000}},
        {"images": {}, "img_req_headers": dict.fromkeys(range(40_000), 1)},
        dict.fromkeys(range(40_000), 1),
    ],
)
def test_many_mistakes_are_not_all_told(client: Any, document: Any) -> None:
    body = ormsgpack.packb(document, option=ormsgpack.OPT_NON_STR_KEYS)
    answer = send(client, body, "application/msgpack")
    assert answer.status_code in (200, 422)
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    "body", [rb'{"images": {}, "threshold": "\ud800"}', rb'{"\ud800": {"\udfff": "\ud800"}}', rb'{"images": "\ud800"}']
)
def test_half_a_surrogate_pair_is_an_ordinary_error(client: Any, body: bytes) -> None:
    answer = send(client, body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize("images", [rb'{"urls": ["\ud800"]}', rb'{"data": ["\ud800"]}'])
def test_half_a_surrogate_pair_is_no_picture(client: Any, images: bytes) -> None:
    data = send(client, b'{"images": ' + images + b"}").json()["data"]
    assert [entry["status"] for entry in data] == ["failed"]


def test_headers_that_are_no_text_are_an_ordinary_error(client: Any) -> None:
    deep = b"[" * 29 + b"]" * 29
    answer = send(client, b'{"images": {"urls": ["http://127.0.0.1/"]}, "img_req_headers": {"a": ' + deep + b"}}")
    assert answer.status_code == 200
    assert answer.json()["data"][0]["status"] == "failed"


@pytest.mark.parametrize("body", [b"\xc1", b"\x81", b"{}"])
def test_what_is_no_messagepack_is_refused(client: Any, body: bytes) -> None:
    answer = send(client, body, "application/msgpack")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "There was an error parsing the body"}


@pytest.mark.parametrize("document", [{"images": {"data": [1]}}, {"images": {"data": {"a": b"\xff"}}}, {1: 2}, [b"x"]])
def test_messagepack_that_does_not_validate_is_told_in_json(client: Any, document: Any) -> None:
    body = ormsgpack.packb(document, option=ormsgpack.OPT_NON_STR_KEYS)
    answer = send(client, body, "application/msgpack", accept="application/x-msgpack")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_a_wrong_method_is_refused_in_the_dialects_words(client: Any) -> None:
    answer = client.get("/extract")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json() == {"detail": "Method Not Allowed"}
    assert client.post("/info").json() == {"detail": "Method Not Allowed"}


def test_an_unknown_path_has_the_detail_clients_look_for(client: Any) -> None:
    answer = client.get("/no/such/path")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Not Found"


def test_limits_are_told_in_the_dialects_words(start_app: Callable[..., Any]) -> None:
    client = start_app(max_request_pictures=1, max_request_bytes=100_000, max_picture_bytes=1000)
    too_many = client.post("/extract", json={"images": {"data": ["AAAA", "AAAA"]}})
    assert too_many.status_code == 413
    assert list(too_many.json()) == ["detail"]
    assert "max_request_pictures" in too_many.json()["detail"]
    too_long = client.post("/extract", json={"images": {"data": ["A" * 100_000]}})
    assert too_long.status_code == 413
    assert "max_request_bytes" in too_long.json()["detail"]
    too_large = client.post("/extract", json={"images": {"data": ["A" * 4000]}}).json()["data"][0]
    assert too_large["status"] == "failed"
    assert "max_picture_bytes" in too_large["traceback"]


# 1.8 Service endpoints (item 6)


def test_info_has_what_clients_read(client: Any) -> None:
    info = client.get("/info").json()
    assert info.keys() == {"version", "tensorrt_version", "log_level", "models", "defaults"}
    models = info["models"]
    assert models.keys() == {
        "inference_backend", "det_name", "rec_name", "max_size", "ga_name", "mask_detector", "rec_batch_size",
        "det_batch_size", "force_fp16", "triton_uri",
    }  # fmt: skip
    assert (models["det_name"], models["rec_name"]) == ("scrfd_500m_bnkps", "w600k_mbf")
    assert models["max_size"] == [640, 640]
    assert (models["det_batch_size"], models["rec_batch_size"]) == (1, 1)
    assert info["defaults"] == {
        "return_face_data": False, "return_landmarks": False, "extract_embedding": True, "extract_ga": False,
        "detect_masks": False, "det_thresh": 0.6, "img_req_headers": {}, "sslv3_hack": False,
    }  # fmt: skip


def test_health_tells_of_the_last_self_check(client: Any) -> None:
    """Section 9, item 6."""
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_server_without_a_recent_good_self_check_is_not_healthy(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "STALE", 0.0)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (500, {"detail": "self check failed"})


def test_health_computes_nothing_and_waits_for_nobody(start_app: Callable[..., Any]) -> None:
    engines: list[FaceEngine] = []

    def engine_factory(settings: Settings) -> FaceEngine:
        engines.append(FaceEngine(settings))
        return engines[0]

    client = start_app(engine_factory=engine_factory, streams=1)
    workers = engines[0].workers
    done, begun = threading.Event(), threading.Barrier(workers.count + 1)

    def work() -> None:
        begun.wait(30)
        done.wait(30)

    jobs = [workers.submit(work) for _ in range(workers.count)]
    try:
        begun.wait(30)
        assert client.get("/health").status_code == 200
        assert workers.waiting == 0
        assert not any(job.done() for job in jobs)
    finally:
        done.set()


def test_the_root_leads_to_the_documentation(client: Any) -> None:
    answer = client.get("/")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/docs"
