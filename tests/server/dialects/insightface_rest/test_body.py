from __future__ import annotations

from typing import Any

import ormsgpack
import pytest

from vultus.server.dialects.insightface_rest.body import defaults_of, parse, parse_drawing_form
from vultus.server.dialects.insightface_rest.errors import Unprocessable
from vultus.server.dialects.insightface_rest.request import Draw, Extract
from vultus.settings import Settings

pytestmark = pytest.mark.unit


def test_defaults_are_the_originals_unless_set() -> None:
    """Section 2 of the contract."""
    assert defaults_of(Settings()) == {
        "threshold": 0.6, "return_face_data": False, "return_landmarks": False, "extract_embedding": True,
        "extract_ga": False, "detect_masks": False,
    }  # fmt: skip


def test_only_fields_that_are_absent_get_the_settings_default() -> None:
    settings = Settings(ifr_threshold=0.3, ifr_flags=("extract_ga", "return_landmarks"))
    asked, packed = parse(Extract, "application/json", b'{"images": {}, "return_landmarks": null}', settings)
    assert not packed
    assert (asked.threshold, asked.extract_ga, asked.extract_embedding) == (0.3, True, False)
    assert asked.return_landmarks is None


def test_a_kind_of_request_gets_only_fields_it_has() -> None:
    settings = Settings(ifr_flags=("extract_ga", "detect_masks"))
    asked, packed = parse(Draw, "application/msgpack", ormsgpack.packb({"images": {}}), settings)
    assert packed
    assert asked.detect_masks is True
    assert not hasattr(asked, "extract_ga")


def form(*parts: tuple[str, bytes]) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    kinds = {"file": b'; filename="a.jpg"'}
    return b"".join(head % (name.encode(), kinds.get(name, b""), value) for name, value in parts) + b"--b--\r\n"


def test_of_fields_that_are_repeated_the_last_counts_and_images_is_none_of_them() -> None:
    body = form(
        ("file", b"first"), ("file", b"second"), ("images", b"x"), ("draw_sizes", b"on"), ("draw_sizes", b"off")
    )
    asked = parse_drawing_form("multipart/form-data; boundary=b", body)
    assert asked.pictures(packed=True) == [b"second"]
    assert asked.draw_sizes is False


@pytest.mark.parametrize("value", [b"perhaps", b"\xff\xfe"])
def test_a_wrong_value_of_a_form_is_told(value: bytes) -> None:
    body: Any = form(("file", b"x"), ("draw_scores", value))
    with pytest.raises(Unprocessable) as raised:
        parse_drawing_form("multipart/form-data; boundary=b", body)
    assert [entry["loc"] for entry in raised.value.entries] == [["body", "draw_scores"]]
