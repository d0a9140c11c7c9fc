from __future__ import annotations

import base64

import orjson
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import NotBase64, RequestError, TooManyPictures, UnsupportedMediaType
from vultus.server.gathering import Address
from vultus.server.v1.request import Contents, parse_contents

pytestmark = pytest.mark.unit

LIMIT = 256
DATA = b"\xff\xd8\xff picture"
TEXT = base64.b64encode(DATA).decode()


def contents_of(content_type: str | None, body: bytes) -> Contents:
    return parse_contents(content_type, body, LIMIT)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/hal+json"])
def test_json_holds_text_data_urls_and_options(kind: str) -> None:
    body = {"images": [TEXT, {"data": f"data:image/jpeg;base64,{TEXT}"}, {"data": TEXT}], "max_faces": 1}
    contents = contents_of(kind, orjson.dumps(body))
    assert contents.pictures == [DATA] * 3
    assert contents.options == {"max_faces": 1}


@pytest.mark.parametrize("kind", ["application/msgpack", "application/x-msgpack; x=y"])
def test_messagepack_holds_bytes_or_text(kind: str) -> None:
    contents = contents_of(kind, ormsgpack.packb({"images": [DATA, {"data": DATA}, TEXT], "crops": True}))
    assert contents.pictures == [DATA] * 3
    assert contents.options == {"crops": True}


@pytest.mark.parametrize("kind", ["image/jpeg", "image/x-unheard-of", "application/octet-stream"])
def test_the_body_itself_may_be_the_picture(kind: str) -> None:
    assert contents_of(kind, DATA) == ([DATA], {}, False)


def test_a_form_holds_files_and_fields() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + DATA + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="attributes"\r\n\r\nlandmarks106\r\n'
        b'--b\r\nContent-Disposition: form-data; name="attributes"\r\n\r\npose\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + DATA + b"\r\n--b--\r\n"
    )
    contents = contents_of("multipart/form-data; boundary=b", body)
    assert contents.pictures == [DATA, DATA]
    assert contents.options == {"attributes": ["landmarks106", "pose"]}


def test_a_picture_may_be_named() -> None:
    named = {"url": "https://example.org/a.jpg"}
    for kind, body in (
        ("application/json", orjson.dumps({"images": [TEXT, named]})),
        ("application/msgpack", ormsgpack.packb({"images": [DATA, named]})),
    ):
        assert contents_of(kind, body).pictures == [DATA, Address("https://example.org/a.jpg")]


def test_text_that_is_not_base64_fails_in_its_place() -> None:
    contents = contents_of("application/json", orjson.dumps({"images": [TEXT, "A", TEXT]}))
    assert contents.pictures[::2] == [DATA, DATA]
    assert isinstance(contents.pictures[1], NotBase64)


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("application/json", b"{", "not JSON"),
        ("application/json", b"", "not JSON"),
        ("application/json", b'{"images": NaN}', "not JSON"),
        ("application/json", b"[]", "object"),
        ("application/json", b"null", "object"),
        ("application/json", b"{}", "no picture"),
        ("application/json", b'{"images": []}', "no picture"),
        ("application/json", b'{"images": "text"}', "images: must be a list"),
        ("application/json", b'{"images": [1]}', r"images\[0\]"),
        ("application/json", b'{"images": ["", {"data": null}]}', r"images\[1\]"),
        ("application/json", b'{"images": [{"data": "", "url": "x"}]}', r"images\[0\]"),
        ("application/json", b'{"images": [{"url": null}]}', r"images\[0\].*'url'"),
        ("application/json", b'{"images": [{"url": ["x"]}]}', r"images\[0\]"),
        ("application/json", b"[" * 100_000, "not JSON"),
        ("application/msgpack", b"\xc1", "not MessagePack"),
        ("application/msgpack", b"\x81\x01\x02", "text keys"),
        ("application/msgpack", b"", "not MessagePack"),
        ("multipart/form-data; boundary=b", b"--b--\r\n", "no picture"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(kind: str, body: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        contents_of(kind, body)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/pdf"])
def test_other_media_types_are_refused_with_what_is_taken(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType, match=r"multipart/form-data.*application/json.*image/\*"):
        contents_of(kind, DATA)


@given(
    st.sampled_from(["application/json", "application/msgpack", "multipart/form-data; boundary=b"]),
    st.binary(max_size=100),
)
def test_any_bytes_are_contents_or_an_error(kind: str, body: bytes) -> None:
    try:
        contents = contents_of(kind, body)
    except RequestError:
        return
    assert contents.pictures


def test_pictures_are_counted_before_they_are_looked_at() -> None:
    for count, error in ((LIMIT, RequestError), (LIMIT + 1, TooManyPictures)):
        with pytest.raises(error):
            contents_of("application/json", orjson.dumps({"images": [1] * count}))
