"""Hostile bodies around good pictures: JSON, MessagePack and forms that no client would send."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import ormsgpack

from benchmarks.hostile.endpoints import FORM, JSON, PACKED, Endpoint, form, good

_MARK = "the value goes here"
_NUMBERS = {
    "NaN": b"NaN", "infinity": b"Infinity", "minus infinity": b"-Infinity", "1e999": b"1e999", "-0.0": b"-0.0",
    "2**64": b"18446744073709551616", "-2**63": b"-9223372036854775808", "5000 digits": b"9" * 5000,
    "hexadecimal": b"0x10", "1e-400": b"1e-400",
}  # fmt: skip
_WRONG: Mapping[str, Any] = {
    "null": None, "true": True, "text": "x", "empty text": "", "list": [], "list of lists": [[[]]], "object": {"a": 1},
    "number": 7, "negative": -1, "fraction": 0.5, "long text": "a" * 10**6, "zero byte": "\0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Body:
    """One body for one endpoint.

    Attributes:
        name: Unique for the endpoint.
        category: Under which results are told.
        content_type: Its own claim.
        make: Its bytes.
        is_refused: Whether it has to be: other bodies may also be answered.
    """

    name: str
    category: str
    content_type: str
    make: Callable[[], bytes]
    is_refused: bool = False


def bodies(endpoint: Endpoint) -> Iterator[Body]:
    """Those for an endpoint, in a fixed order."""
    if endpoint.content_type == FORM:
        yield from _forms(endpoint)
    elif endpoint.template:
        yield from _fields(endpoint)
        yield from _documents(endpoint)
    yield from _anything(endpoint)


def _fields(endpoint: Endpoint) -> Iterator[Body]:
    read: Any = orjson.loads if endpoint.content_type == JSON else ormsgpack.unpackb
    document = read(endpoint.wrap(good())) | dict(endpoint.template)
    for name in document:
        marked = document | {name: _MARK}
        for kind, wrong in _WRONG.items():
            yield Body(
                f"{name}: {kind}", "wrong types", endpoint.content_type, _dumped(endpoint, marked | {name: wrong})
            )
        if endpoint.content_type != JSON:
            for kind, number in (("NaN", float("nan")), ("infinity", float("inf")), ("minus infinity", -float("inf"))):
                yield Body(
                    f"{name}: {kind}", "numbers", endpoint.content_type, _dumped(endpoint, marked | {name: number})
                )
            continue
        for kind, text in _NUMBERS.items():
            yield Body(f"{name}: {kind}", "numbers", JSON, _spelt(marked, text))


def _dumped(endpoint: Endpoint, document: object) -> Callable[[], bytes]:
    return lambda: orjson.dumps(document) if endpoint.content_type == JSON else ormsgpack.packb(document)


def _spelt(document: object, text: bytes) -> Callable[[], bytes]:
    return lambda: orjson.dumps(document).replace(orjson.dumps(_MARK), text)


def _documents(endpoint: Endpoint) -> Iterator[Body]:
    if endpoint.content_type == PACKED:
        yield from _packed(endpoint)
        return
    whole = endpoint.wrap(good())
    for name, make, is_refused in (
        ("nothing", bytes, True),
        ("100,000 lists in each other", lambda: b"[" * 10**5 + b"]" * 10**5, True),
        ("100,000 objects in each other", lambda: b'{"images":' * 10**5 + b"1" + b"}" * 10**5, True),
        ("33 lists in each other", lambda: _beside(whole, b"[" * 33 + b"]" * 33), True),
        ("million list entries", lambda: b'{"images": [' + b'"",' * 10**6 + b'""]}', True),
        ("million numbers", lambda: b'{"images": {"data": [' + b"0," * 10**6 + b"0]}}", True),
        ("20 million empty lists", lambda: b"[" + b"[]," * (2 * 10**7) + b"[]]", True),
        ("million fields", lambda: b"{" + b",".join(b'"%d":0' % place for place in range(10**6)) + b"}", True),
        ("a field a million times", lambda: b"{" + b'"images":[],' * 10**6 + whole[1:], True),
        ("50,000 list entries", lambda: b'{"images": [' + b'"",' * 50_000 + b'""]}', True),
        ("cut in the middle", lambda: whole[: len(whole) // 2], True),
        ("invalid UTF-8", lambda: whole[:-1] + b',"a":"\xc3\x28"}', False),
        ("half a surrogate pair", lambda: whole[:-1] + b',"\\ud800":"\\udfff"}', False),
        ("zero bytes", lambda: b"\0" * 9999, True),
        ("UTF-16", lambda: whole.decode().encode("utf-16"), False),  # RFC 4627 allows it, and InsightFace-REST takes it
        ("byte order mark", lambda: b"\xef\xbb\xbf" + whole, False),
        ("a comment", lambda: b"/**/" + whole, True),
        ("two documents", lambda: whole + whole, True),
        ("40 MB of one text", lambda: b'"' + b"A" * (40 * 2**20) + b'"', True),
        ("30 MB of quotes", lambda: b'"' * (30 * 2**20), True),
        ("30 MB of backslashes", lambda: b'"' + b"\\" * (30 * 2**20), True),
        ("nested base64", lambda: endpoint.wrap(base64.b64encode(base64.b64encode(good()))), False),
        ("__proto__", lambda: _beside(whole, b'{"__class__": "os.system"}'), False),
    ):
        yield Body(name, "documents", JSON, make, is_refused)


def _beside(whole: bytes, value: bytes) -> bytes:
    return whole[:-1] + b',"__proto__":' + value + b"}"


def _packed(endpoint: Endpoint) -> Iterator[Body]:
    whole = endpoint.wrap(good())
    for name, make, is_refused in (
        ("list of 4 billion", lambda: b"\xdd\xff\xff\xff\xff", True),
        ("map of 4 billion", lambda: b"\xdf\xff\xff\xff\xff", True),
        ("bytes of 4 GB", lambda: b"\x81\xa6images\xc6\xff\xff\xff\xff", True),
        ("20 million empty lists", lambda: b"\xdd" + (2 * 10**7).to_bytes(4) + b"\x90" * (2 * 10**7), True),
        ("million numbers", lambda: b"\x81\xa6images\xdd" + (10**6).to_bytes(4) + b"\0" * 10**6, True),
        ("100,000 lists in each other", lambda: b"\x91" * 10**5 + b"\x90", True),
        ("a map as key", lambda: b"\x81\x80\x80", True),
        ("a list as key", lambda: b"\x81\x91\x01\x80", True),
        ("numbers as keys", lambda: b"\x82\x01\x02\xcb\x7f\xf8" + bytes(6) + b"\x03", True),
        ("extension", lambda: b"\x81\xa6images\xc7\x04\x7fabcd", True),
        ("time", lambda: b"\x81\xa6images\xd6\xff" + bytes(4), True),
        ("never used head", lambda: b"\xc1" * 99, True),
        ("cut in the middle", lambda: whole[: len(whole) // 2], True),
        ("invalid UTF-8", lambda: b"\x81\xa2\xc3\x28\x01", True),
        ("nothing", bytes, True),
        ("JSON", lambda: b'{"images": []}', True),
        ("twice", lambda: whole + whole, False),
    ):
        yield Body(name, "documents", PACKED, make, is_refused)


def _forms(endpoint: Endpoint) -> Iterator[Body]:
    whole = endpoint.wrap(good())
    field = whole.split(b'name="')[1].split(b'"')[0].decode()
    boundary = FORM.partition("=")[2]
    many = [(f"field {place}", b"1") for place in range(2000)]
    for name, make, is_refused in (
        ("nothing", bytes, True),
        ("no parts", lambda: f"--{boundary}--\r\n".encode(), True),
        ("2000 parts", lambda: form(*many), True),
        ("300,000 parts", lambda: form(*[("a", b"")] * 300_000), True),
        ("parts of one name", lambda: form(*[(field, good())] * 3), False),
        ("half of it", lambda: whole[: len(whole) // 2], True),
        ("no end", lambda: whole[:-8], True),
        ("a field instead of a file", lambda: form((field, good()), filename=False), False),
        ("no name", lambda: whole.replace(b'name="', b'nome="'), True),
        ("name of 10 kB", lambda: form(("a" * 10_000, good())), True),
        ("file name out of the folder", lambda: whole.replace(b"a.jpg", b"../../../etc/passwd"), False),
        ("file name of zero bytes", lambda: whole.replace(b"a.jpg", b"a\0.jpg"), False),
        ("1000 header lines in a part", lambda: whole.replace(b"\r\n\r\n", b"\r\nA: b" * 1000 + b"\r\n\r\n", 1), True),
        ("header line of 1 MB", lambda: whole.replace(b"\r\n\r\n", b"\r\nA: " + b"b" * 10**6 + b"\r\n\r\n", 1), True),
        ("invalid UTF-8 in a name", lambda: whole.replace(b"a.jpg", b"\xc3\x28.jpg"), False),
        ("unknown encoding", lambda: whole.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: x\r\n\r\n", 1), True),
        (
            "broken base64",
            lambda: whole.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
            False,
        ),
        ("10 MB before the first boundary", lambda: b"x" * 10**7 + b"\r\n" + whole, False),
        ("10 MB behind the last boundary", lambda: whole + b"x" * 10**7, False),
        ("10 MB of line ends", lambda: b"\r\n" * (5 * 10**6) + whole, False),
        ("10 MB of dashes", lambda: form((field, b"-" * 10**7)), False),
        ("near boundaries", lambda: form((field, f"\r\n--{boundary[:-1]}".encode() * 10**5)), False),
        ("a form in a form", lambda: form((field, whole.replace(boundary.encode(), b"inner"))), False),
    ):
        yield Body(name, "forms", FORM, make, is_refused)


def _anything(endpoint: Endpoint) -> Iterator[Body]:
    whole = endpoint.wrap(good())
    for name, content_type in (
        ("no type", ""),
        ("type of nonsense", ";;==,,"),
        ("type of 8 kB", "image/" + "a" * 8000),
        ("XML", "application/xml"),
        ("form without boundary", "multipart/form-data"),
        ("form with a boundary of 300", "multipart/form-data; boundary=" + "b" * 300),
        ("form as another", "multipart/form-data; boundary=other"),
        ("mixed", "multipart/mixed; boundary=other"),
        ("URL-encoded", "application/x-www-form-urlencoded"),
        ("JSON, called so", JSON),
        ("MessagePack, called so", PACKED),
        ("charset of nonsense", f"{endpoint.content_type}; charset=\xff"),
    ):
        yield Body(name, "media types", content_type, lambda: whole)
