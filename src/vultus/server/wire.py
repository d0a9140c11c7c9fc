"""Wire formats: which one a client wants, and how answers and vectors are written in it."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import numpy as np
import orjson
import ormsgpack

from vultus.types import FloatArray

JSON = "application/json"
MSGPACK = "application/msgpack"
X_MSGPACK = "application/x-msgpack"

_OFFERED = (JSON, X_MSGPACK, MSGPACK)  # the first wins where a client likes several alike
_REFUSED = (0.0, -1)
_PACKED = frozenset((X_MSGPACK, MSGPACK, "application/vnd.msgpack"))


class Reply(NamedTuple):
    """An encoded answer."""

    body: bytes
    media_type: str = JSON


def media_type(content_type: str | None) -> str:
    """The media type of a ``Content-Type`` header, in lower case and without parameters; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON or built on it."""
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


def is_packed(kind: str) -> bool:
    """Whether a media type is one of MessagePack's names."""
    return kind in _PACKED


def negotiate(accept: str | None) -> str:
    """The media type to answer in: JSON unless the ``Accept`` header prefers MessagePack.

    Ranges, lists and q-values are read as in RFC 9110, 12.5.1. Of types the client likes alike, one it names goes
    before one it covers by a wildcard. A client that accepts none of them is answered in JSON all the same.
    """
    if not accept or accept in ("*/*", JSON):
        return JSON
    ranges = [_range(part) for part in accept.split(",")]
    best, best_rank = JSON, _REFUSED
    for offered in _OFFERED:
        rank = _rank(offered, ranges)
        if rank > best_rank:
            best, best_rank = offered, rank
    return best


def dump(content: object, kind: str) -> bytes:
    """Write an answer; NumPy arrays and scalars keep their precision (float32 is written as float32).

    Args:
        content: Dictionaries, lists, text, numbers, arrays; bytes in MessagePack only.
        kind: A media type that ``negotiate`` gave.
    """
    if is_packed(kind):
        return ormsgpack.packb(content, default=_plain, option=ormsgpack.OPT_SERIALIZE_NUMPY)
    return orjson.dumps(content, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)


def load_json(body: bytes) -> Any:  # noqa: ANN401 - whatever the client sent
    """Read JSON; ``ValueError`` where it is none."""
    return orjson.loads(body)


def load_packed(body: bytes) -> Any:  # noqa: ANN401
    """Read a MessagePack map or list; ``ValueError`` where it is none."""
    content = ormsgpack.unpackb(body, option=ormsgpack.OPT_NON_STR_KEYS)
    if not isinstance(content, dict | list):  # nearly any text begins with what could be a number
        raise ValueError(f"a lone {type(content).__name__}")
    return content


def vector_text(vector: FloatArray) -> str:
    """A vector as base64 of its little-endian float32 values."""
    return base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):  # not contiguous, or of a type the encoder does not know
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} cannot be written into an answer")


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                quality = 0.0
    return kind, quality


def _rank(offered: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """Quality by the most specific range that covers a type, and how specific that is: 2 named, 0 any, -1 refused."""
    for specificity, covering in ((2, offered), (1, "application/*"), (0, "*/*")):
        qualities = [quality for kind, quality in ranges if kind == covering]
        if qualities:
            return (max(qualities), specificity) if max(qualities) else _REFUSED
    return _REFUSED
