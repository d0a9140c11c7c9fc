"""Requests, read by the server they are for; and its answers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from vultus.bench.requests import APIS, FORMS, Address, Api, Form, Prepared, faces_in, prepare, request, series
from vultus.errors import RequestError, SettingsError

ADDRESS = Address.parse("http://example.org:8080/below/")
COMBINATIONS = [(api, form) for api in APIS for form in FORMS if (api, form) != ("extract", "multipart")]


def taken_apart(prepared: Prepared) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body."""
    head, _, body = prepared.content.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, version = first.split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return path, headers, body


@pytest.mark.unit
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:18081", Address("127.0.0.1", 18081, False, "127.0.0.1:18081", "")),
        ("localhost:80/", Address("localhost", 80, False, "localhost:80", "")),
        ("https://faces.example.org/v", Address("faces.example.org", 443, True, "faces.example.org", "/v")),
        ("http://[::1]:81", Address("::1", 81, False, "[::1]:81", "")),
    ],
)
def test_addresses(url: str, expected: Address) -> None:
    assert Address.parse(url) == expected


@pytest.mark.unit
@pytest.mark.parametrize("url", ["", "ftp://a", "http://", "http://a:b", "http://a:99999"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingsError, match="no address"):
        Address.parse(url)


@pytest.mark.unit
def test_an_address_as_it_is_told() -> None:
    assert ADDRESS.url == "http://example.org:8080/below"
    assert Address.parse("https://a").url == "https://a"


@pytest.mark.unit
def test_the_head_is_that_of_a_request_below_the_prefix() -> None:
    path, headers, body = taken_apart(prepare(ADDRESS, "extract", "json", [b"a", b"bc"]))
    assert (path, headers["Host"]) == ("/below/extract", "example.org:8080")
    assert orjson.loads(body) == {
        "images": {"data": [base64.b64encode(b"a").decode(), base64.b64encode(b"bc").decode()]}
    }


@pytest.mark.unit
def test_any_body_can_be_posted_to_any_path() -> None:
    content = request(
        Address.parse("http://test/below", "secret-key"), "/a?b=c", b"\0\r\n\r\n\xff", "image/png", "text/plain"
    )
    path, headers, body = taken_apart(Prepared(content, b""))
    assert (path, body) == ("/below/a?b=c", b"\0\r\n\r\n\xff")
    assert (headers["Content-Type"], headers["Accept"]) == ("image/png", "text/plain")
    assert headers["Authorization"] == "Bearer secret-key"


@pytest.mark.unit
def test_a_key_goes_with_each_request_and_is_not_shown() -> None:
    address = Address.parse("http://test", "secret-key")
    assert taken_apart(prepare(address, "v1", "json", []))[1]["Authorization"] == "Bearer secret-key"
    assert "Authorization" not in taken_apart(prepare(ADDRESS, "v1", "json", []))[1]
    assert "secret-key" not in repr(address)


@pytest.mark.unit
@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "clé"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    with pytest.raises(SettingsError, match="no header") as caught:
        Address.parse("http://test", key)
    assert key not in caught.value.message


@pytest.mark.unit
def test_extract_has_no_forms() -> None:
    with pytest.raises(SettingsError, match="multipart"):
        prepare(ADDRESS, "extract", "multipart", [b"a"])


@pytest.mark.unit
def test_a_series_sends_all_pictures_equally_often() -> None:
    contents = [b"a", b"b", b"c"]
    requests = series(ADDRESS, "v1", "json", contents, 2)
    sent = [picture for one in requests for picture in orjson.loads(taken_apart(one)[2])["images"]]
    assert sorted(map(base64.b64decode, sent)) == sorted(contents * 2)


@pytest.mark.integration
@pytest.mark.parametrize(("api", "form"), COMBINATIONS)
def test_the_server_understands_them_and_its_answers_are_understood(
    client: Any, squares: Callable[..., bytes], api: Api, form: Form
) -> None:
    two, none = [squares((3, 2), (10, 10)), squares((5, 5))], [squares()]
    for contents, faces in ((two, 3), (none, 0)):
        asked = prepare(Address.parse("http://test"), api, form, contents)
        path, headers, body = taken_apart(asked)
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code == 200
        assert faces_in(api, form, answer.content) == faces
        assert (asked.marker in answer.content) == bool(faces)


@pytest.mark.integration
@pytest.mark.parametrize(("api", "form"), COMBINATIONS)
def test_a_picture_that_the_server_cannot_use_is_an_error(client: Any, api: Api, form: Form) -> None:
    path, headers, body = taken_apart(prepare(Address.parse("http://test"), api, form, [b"no picture"]))
    answer = client.post(path, content=body, headers=headers)
    with pytest.raises(RequestError, match="cannot use a picture"):
        faces_in(api, form, answer.content)


@pytest.mark.unit
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"<html>", b'{"pictures": [7]}'])
def test_an_answer_of_another_kind_is_an_error(content: bytes) -> None:
    with pytest.raises(RequestError, match="not one of"):
        faces_in("v1", "json", content)
