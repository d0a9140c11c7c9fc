from __future__ import annotations

import base64
import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import RequestError
from vultus.server.multipart import parse_form

pytestmark = pytest.mark.unit

TYPE = "multipart/form-data; boundary=frontier"


def encode(files: list[tuple[str, bytes]], data: dict[str, str]) -> tuple[str, bytes]:
    """A form as an HTTP client writes it."""
    request = httpx.Request("POST", "http://test", files=[(n, ("a.jpg", d)) for n, d in files], data=data)
    return request.headers["content-type"], request.read()


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.text(max_size=40))
def test_what_a_client_writes_is_read(files: list[bytes], text: str) -> None:
    kind, body = encode([("file", data) for data in files], {"note": text})
    parts = parse_form(kind, body)
    assert [part.data for part in parts if part.name == "file"] == files
    assert [part.data.decode() for part in parts if part.name == "note"] == [text]


def test_a_file_that_contains_something_like_the_boundary_stays_whole() -> None:
    data = b"\r\n--frontie\r\n--frontier-\r\n-"
    body = b'--frontier\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + data.replace(
        b"frontier-", b"frontieR"
    )
    parts = parse_form(TYPE, body + b"\r\n--frontier--\r\n")
    assert parts[0].data == data.replace(b"frontier-", b"frontieR")


def test_header_names_are_read_in_either_case_and_names_may_be_quoted() -> None:
    body = (
        b'--frontier\r\ncontent-type: image/png\r\nCONTENT-disposition: form-data; name="a b"\r\n\r\nx\r\n--frontier--'
    )
    assert [(part.name, part.data) for part in parse_form(TYPE, body)] == [("a b", b"x")]


@pytest.mark.parametrize(
    ("more", "filename"),
    [("", None), ('; filename=""', ""), ('; filename="a b.jpg"', "a b.jpg"), ('; filename="é"', "é")],
)
def test_a_file_is_told_from_a_field_by_its_file_name(more: str, filename: str | None) -> None:
    head = f'--frontier\r\nContent-Disposition: form-data; name="file"{more}\r\n\r\n'
    [part] = parse_form(TYPE, head.encode() + b"x\r\n--frontier--")
    assert part.filename == filename


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("multipart/form-data", b"", "boundary"),
        ("multipart/form-data; boundary=", b"", "boundary"),
        ("multipart/form-data; boundary=" + "b" * 300, b"", "not multipart"),
        (TYPE, b"", "ends before"),
        (TYPE, b"nonsense", "not multipart"),
        (TYPE, b'--frontier\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf a pic', "ends before"),
        (TYPE, b"--frontier\r\nContent-Disposition: form-data\r\n\r\nx\r\n--frontier--", "no name"),
        (TYPE, b"--frontier\r\n\r\nx\r\n--frontier--", "no name"),
        (TYPE, b"--frontier\r\n" + b"X: y\r\n" * 1000 + b"\r\nx\r\n--frontier--", "not multipart"),
    ],
)
def test_a_damaged_form_is_refused(kind: str, body: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        parse_form(kind, body)


@given(st.binary(max_size=200))
def test_any_bytes_are_parts_or_an_error(body: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert all(isinstance(part.data, bytes) for part in parse_form(TYPE, b"--frontier" + body))


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("base64", base64.encodebytes(b"\x00\xff picture = \r\n") + b"\r\n"),
        ("BASE64", base64.b64encode(b"\x00\xff picture = \r\n")),
        ("quoted-printable", b"=00=FF picture =3D =0D=0A"),
        ("binary", b"\x00\xff picture = \r\n"),
        ("8bit", b"\x00\xff picture = \r\n"),
    ],
)
def test_transfer_encodings_of_old_are_undone(encoding: str, sent: bytes) -> None:
    head = f'--frontier\r\nContent-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    [part] = parse_form(TYPE, head.encode() + sent + b"\r\n--frontier--")
    assert part.data == b"\x00\xff picture = \r\n"


@pytest.mark.parametrize(("encoding", "says"), [("base64", "not base64"), ("x-uuencode", "unknown Content-Transfer")])
def test_a_part_that_is_not_in_its_transfer_encoding_is_refused(encoding: str, says: str) -> None:
    head = f'--frontier\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    with pytest.raises(RequestError, match=says):
        parse_form(TYPE, head.encode() + b"abc\r\n--frontier--")


def test_a_transfer_encoding_is_that_of_its_part_alone() -> None:
    encoded = (
        b'--frontier\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n'
    )
    plain = b'--frontier\r\nContent-Disposition: form-data; name="b"\r\n\r\nYQ==\r\n--frontier--'
    assert [part.data for part in parse_form(TYPE, encoded + plain)] == [b"a", b"YQ=="]
