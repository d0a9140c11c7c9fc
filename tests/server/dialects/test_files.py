from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from vultus.server.dialects.files import WrongForm, form_of, parse_files

pytestmark = pytest.mark.unit

KIND = "multipart/form-data; boundary=b"


def part(name: str, data: bytes, more: str = '; filename="a.jpg"') -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


def test_files_come_in_the_order_asked_and_the_last_of_a_name_counts() -> None:
    body = part("second", b"2") + part("first", b"x") + part("first", b"1") + part("else", b"3") + b"--b--\r\n"
    assert parse_files(KIND, body, ("first", "second")) == [b"1", b"2"]


def test_all_that_is_missing_is_told() -> None:
    with pytest.raises(WrongForm) as caught:
        parse_files(KIND, part("b", b"1") + b"--b--\r\n", ("a", "b", "c"))
    assert [entry["loc"] for entry in caught.value.entries] == [["body", "a"], ["body", "c"]]
    assert {entry["type"] for entry in caught.value.entries} == {"missing"}


@pytest.mark.parametrize("kind", [None, "", "application/json"])
def test_what_is_no_form_has_no_files(kind: str | None) -> None:
    with pytest.raises(WrongForm):
        parse_files(kind, b"--b--\r\n", ("a",))


def test_a_part_without_a_file_name_is_text_and_told_back_in_part() -> None:
    with pytest.raises(WrongForm) as caught:
        parse_files(KIND, part("a", b"\xff" + b"y" * 999, more="") + b"--b--\r\n", ("a",))
    [entry] = caught.value.entries
    assert entry["type"] == "value_error"
    assert entry["input"] == "\ufffd" + "y" * 199


def test_a_damaged_form_is_a_bad_request() -> None:
    with pytest.raises(HTTPException) as caught:
        parse_files(KIND, part("a", b"1"), ("a",))
    assert caught.value.status_code == 400


def test_the_form_in_openapi() -> None:
    schema = form_of(("a", "b"))["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == list(schema["properties"]) == ["a", "b"]
