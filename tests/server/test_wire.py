from __future__ import annotations

import base64
import struct

import numpy as np
import orjson
import ormsgpack
import pytest

from vultus.server.wire import (
    JSON,
    MSGPACK,
    X_MSGPACK,
    dump,
    is_json,
    is_packed,
    load_json,
    load_packed,
    media_type,
    negotiate,
    vector_text,
)  # fmt: skip

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/x-msgpack", X_MSGPACK),
        ("application/msgpack", MSGPACK),
        ("Application/MsgPack", MSGPACK),
        ("application/x-msgpack, */*", X_MSGPACK),
        ("*/*, application/x-msgpack", X_MSGPACK),
        ("application/json, application/x-msgpack", JSON),
        ("application/json;q=0.5, application/x-msgpack", X_MSGPACK),
        ("application/x-msgpack;q=0.2, application/json;q=0.9", JSON),
        ("application/x-msgpack; q=0.4, */*;q=0.8", JSON),
        ("application/x-msgpack;q=0", JSON),
        ("application/json;q=0, */*", X_MSGPACK),
        ("application/x-msgpack;q=nonsense", JSON),
        ("text/html", JSON),
        (",;,", JSON),
    ],
)
def test_the_type_a_client_prefers_is_chosen(accept: str | None, expected: str) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    ("header", "kind"),
    [("application/JSON; charset=utf-8", "application/json"), (" image/jpeg ", "image/jpeg"), (None, ""), ("", "")],
)
def test_a_media_type_is_read_without_its_parameters(header: str | None, kind: str) -> None:
    assert media_type(header) == kind


def test_types_built_on_json_are_json() -> None:
    assert is_json("application/json")
    assert is_json("application/vnd.api+json")
    assert not is_json("text/plain")
    assert not is_json("image/svg+json")


def test_all_names_of_messagepack_are_known() -> None:
    assert all(is_packed(kind) for kind in (MSGPACK, X_MSGPACK, "application/vnd.msgpack"))
    assert not is_packed(JSON)


def test_json_holds_arrays_and_numpy_numbers() -> None:
    content = {"vector": np.array([0.5, -0.25], np.float32), "one": np.float32(0.5), "names": frozenset(("b", "a"))}
    assert orjson.loads(dump(content, JSON)) == {"vector": [0.5, -0.25], "one": 0.5, "names": ["a", "b"]}


def test_arrays_that_are_not_contiguous_are_written_all_the_same() -> None:
    every_other = np.arange(6, dtype=np.float32)[::2]
    assert orjson.loads(dump([every_other], JSON)) == [[0.0, 2.0, 4.0]]
    assert ormsgpack.unpackb(dump([every_other], MSGPACK)) == [[0.0, 2.0, 4.0]]


def test_single_floats_stay_single_in_messagepack() -> None:
    # MessagePack specification: 0xca is float 32, big-endian; 0x92 is an array of two.
    assert dump(np.float32(0.1), MSGPACK) == b"\xca" + struct.pack(">f", 0.1)
    packed = dump(np.array([0.1, 0.2], np.float32), X_MSGPACK)
    assert packed == b"\x92\xca" + struct.pack(">f", 0.1) + b"\xca" + struct.pack(">f", 0.2)


def test_what_no_format_knows_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        dump({"thing": object()}, JSON)


def test_a_vector_as_text_is_little_endian_float32() -> None:
    vector = np.array([1.0, -2.5, 0.1], np.float32)
    assert base64.b64decode(vector_text(vector)) == struct.pack("<3f", 1.0, -2.5, 0.1)
    assert vector_text(np.repeat(vector, 2)[::2]) == vector_text(vector)


@pytest.mark.parametrize("body", [b"", b"{}", b"\x81", b"\xc0", b"\xc1", b"hello", b"\x91" * 100_000])
def test_what_is_no_messagepack_map_or_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_packed(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"NaN", b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_json(body)


def test_maps_and_lists_are_read() -> None:
    assert load_packed(b"\x81\xa1a\x01") == {"a": 1}
    assert load_packed(b"\x92\x01\x02") == [1, 2]
    assert load_json(b'{"a": [1]}') == {"a": [1]}
