from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vultus.errors import NotBase64
from vultus.server.pictures import picture_bytes

pytestmark = pytest.mark.unit

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "item",
    [
        DATA,
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;name=a,b.png;base64,{TEXT}",
        base64.encodebytes(DATA).decode(),
        f"  {TEXT}\r\n",
        base64.urlsafe_b64encode(DATA).decode(),
    ],
)
def test_bytes_base64_and_data_urls_are_read(item: str | bytes) -> None:
    assert picture_bytes(item) == DATA


def test_an_empty_text_is_an_empty_picture() -> None:
    assert picture_bytes("data:,") == b""


@pytest.mark.parametrize("text", ["abc", "A", TEXT[:-1], "Gesicht für Gesicht"])
def test_text_that_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(NotBase64, match="not base64"):
        picture_bytes(text)


@given(st.text("QUJDabz09+/-_=\n é,", max_size=24))
@example("QQ==QUJD")
@example("QUJD====")
@example("QR==")
@example("=")
@example("\ud800")
def test_text_is_read_as_the_standard_library_reads_it(text: str) -> None:
    """However strict the library is that is asked first."""
    try:
        expected = binascii.a2b_base64(text.rpartition(",")[2].replace("-", "+").replace("_", "/"))
    except ValueError:
        with pytest.raises(NotBase64):
            picture_bytes(text)
    else:
        assert picture_bytes(text) == expected
