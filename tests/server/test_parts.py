from __future__ import annotations

import contextlib
from typing import Any

import orjson
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import TooManyParts
from vultus.server.parts import PartLimits, check_parts
from vultus.settings import Settings

pytestmark = pytest.mark.unit

FORM = "multipart/form-data; boundary=b"
PACKED = "application/msgpack"
FEW = PartLimits(form_parts=3, values=20, depth=4)

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def values(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + len(document) + sum(map(values, document.values()))
    return 1 + sum(map(values, document)) if isinstance(document, list) else 1


def depth(document: Any) -> int:
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return 1 + max(map(depth, inner), default=0) if inner else 0


def is_refused(kind: str, body: bytes, limits: PartLimits) -> str | None:
    try:
        check_parts(kind, body, limits)
    except TooManyParts as error:
        return error.limit
    return None


def test_limits_are_those_of_the_settings() -> None:
    settings = Settings(max_form_parts=1, max_json_values=2, max_json_depth=3)
    assert PartLimits.of(settings) == PartLimits(1, 2, 3)
    assert PartLimits.of(Settings()) == PartLimits()


@given(documents)
def test_packed_values_are_counted_exactly(document: Any) -> None:
    body, count = ormsgpack.packb(document), values(document)
    assert is_refused(PACKED, body, PartLimits(values=count, depth=999)) is None
    assert is_refused(PACKED, body, PartLimits(values=count - 1, depth=999)) == "max_json_values"


@given(documents)
def test_packed_levels_are_counted_exactly(document: Any) -> None:
    body, levels = ormsgpack.packb(document), depth(document)
    assert is_refused(PACKED, body, PartLimits(depth=levels)) is None
    if levels:
        assert is_refused(PACKED, body, PartLimits(depth=levels - 1)) == "max_json_depth"


@given(st.binary(max_size=60))
def test_any_bytes_are_counted_or_refused(body: bytes) -> None:
    with contextlib.suppress(TooManyParts):
        check_parts(PACKED, body, FEW)
    with contextlib.suppress(TooManyParts):
        check_parts("application/json", body, FEW)


@pytest.mark.parametrize(
    "head", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\xff\xff", b"\x91" * 9 + b"\x90"]
)
def test_what_a_packed_list_only_claims_counts(head: bytes) -> None:
    assert is_refused(PACKED, head, FEW)


@pytest.mark.parametrize("kind", ["application/json", "", "application/problem+json; charset=utf-8"])
@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"[" + b"0," * 18 + b"0]", None),
        (b"[" + b"0," * 19 + b"0]", "max_json_values"),
        (b"[" + b"[]," * 9 + b"[]]", "max_json_values"),
        (b'"' * 81, "max_json_values"),
        (b"[[[[]]]]", None),
        (b"[[[[[]]]]]", "max_json_depth"),
        (b'[{"a":[{"b":1}]}]', None),
        (b'[{"a":[{"b":[1]}]}]', "max_json_depth"),
        (b"[[],[],[],[],[]]", None),
        (rb'["[[[[[[", "\"[[[["]', None),
    ],
)
def test_json_is_counted_before_it_is_read(kind: str, body: bytes, limit: str | None) -> None:
    assert is_refused(kind, body, FEW) == limit


@given(documents.filter(lambda document: b"\\x" not in repr(document).encode()))
def test_json_within_its_limits_passes(document: Any) -> None:
    with contextlib.suppress(TypeError):  # bytes
        body = orjson.dumps(document)
        punctuation = sum(map(body.count, (b"[", b"{", b",")))
        assert is_refused("application/json", body, PartLimits(values=punctuation + 1, depth=99)) is None


@pytest.mark.parametrize(("parts", "limit"), [(3, None), (4, "max_form_parts")])
def test_parts_of_a_form_are_counted(parts: int, limit: str | None) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    assert is_refused(FORM, part * parts + b"--b--\r\n", FEW) == limit


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "text/plain", "multipart/form-data"])
def test_what_is_not_taken_apart_is_not_counted(kind: str) -> None:
    assert is_refused(kind, b"[,{" * 1000, FEW) is None


def test_the_message_names_the_setting() -> None:
    with pytest.raises(TooManyParts, match="raise max_json_values"):
        check_parts("application/json", b"," * 99, FEW)
