"""How many parts a body is made of, told before it is taken apart.

A megabyte of `[],[],[]...` becomes twenty of lists: what a body costs once it was read depends on its parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
from python_multipart.multipart import parse_options_header

from vultus.errors import TooManyParts
from vultus.server.wire import is_json, is_packed, media_type
from vultus.settings import Settings

_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How finely a body may be divided.

    Attributes:
        form_parts: Most files and fields of a form.
        values: Most values in JSON or MessagePack, names of fields among them in the latter.
        depth: Most levels of lists and objects there.
    """

    form_parts: int = 1000
    values: int = 100_000
    depth: int = 32

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that are set."""
        return cls(settings.max_form_parts, settings.max_json_values, settings.max_json_depth)


def check_parts(content_type: str | None, body: bytes, limits: PartLimits) -> None:
    """Refuse a body of too many parts. What it is read as, its ``Content-Type`` says; damaged ones are left to readers.

    Raises:
        TooManyParts: It has too many.
    """
    kind = media_type(content_type)
    if kind == "multipart/form-data":
        _check_form(content_type or "", body, limits)
    elif is_packed(kind):
        _check_packed(body, limits)
    elif not kind or is_json(kind):
        _check_json(body, limits)


def _check_form(content_type: str, body: bytes, limits: PartLimits) -> None:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if boundary and body.count(b"--" + boundary) > limits.form_parts + 1:  # the last boundary ends the form
        raise TooManyParts(
            f"the form has more than {limits.form_parts} parts; send fewer at once or raise max_form_parts",
            limit="max_form_parts",
        )


def _check_json(body: bytes, limits: PartLimits) -> None:
    """By counting what stands between values; the same bytes in texts count too."""
    codes = np.frombuffer(body, np.uint8)
    brackets, braces, commas, quotes = (int(np.count_nonzero(codes == code)) for code in b'[{,"')  # bytes.count is slow
    openings = brackets + braces
    if openings + commas >= limits.values or quotes > 4 * limits.values:
        raise _too_many_values(limits)
    if openings > limits.depth and _depth(body) > limits.depth:
        raise _too_deep(limits)


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif first in _CLOSING:
            depth -= 1
    return deepest


def _check_packed(body: bytes, limits: PartLimits) -> None:
    """Walk over the values without making any: https://github.com/msgpack/msgpack/blob/master/spec.md."""
    position, end = 0, len(body)
    budget = limits.values
    open_counts = [1]  # values that are still missing, for each level
    while open_counts and position < end:
        if not open_counts[-1]:
            open_counts.pop()
            continue
        open_counts[-1] -= 1
        position, length, children = _step(body, position)
        position += length
        budget -= 1 + children
        if budget < 0:
            raise _too_many_values(limits)
        if children:
            open_counts.append(children)
            budget += children
            if len(open_counts) - 1 > limits.depth:
                raise _too_deep(limits)


def _step(body: bytes, position: int) -> tuple[int, int, int]:
    """Where a value's head ends, how many bytes of content follow it, and how many values."""
    head = body[position]
    position += 1
    if head < 0x80 or head >= 0xE0:  # small numbers
        return position, 0, 0
    if head < 0x90:
        return position, 0, 2 * (head & 15)
    if head < 0xA0:
        return position, 0, head & 15
    if head < 0xC0:
        return position, head & 31, 0
    width, extra, factor = _HEADS[head - 0xC0]
    if not width:
        return position, extra, 0
    count = int.from_bytes(body[position : position + width])
    return (position + width, 0, factor * count) if factor else (position + width, count + extra, 0)


_HEADS: tuple[tuple[int, int, int], ...] = (
    *((0, 0, 0),) * 4,  # nil, never used, false, true
    *((1, 0, 0), (2, 0, 0), (4, 0, 0)),  # bin
    *((1, 1, 0), (2, 1, 0), (4, 1, 0)),  # ext, whose type is one byte more
    *((0, 4, 0), (0, 8, 0)),  # float
    *((0, 1, 0), (0, 2, 0), (0, 4, 0), (0, 8, 0)) * 2,  # uint and int
    *((0, 2, 0), (0, 3, 0), (0, 5, 0), (0, 9, 0), (0, 17, 0)),  # fixext with its type
    *((1, 0, 0), (2, 0, 0), (4, 0, 0)),  # str
    *((2, 0, 1), (4, 0, 1)),  # array
    *((2, 0, 2), (4, 0, 2)),  # map
)
"""Heads from 0xc0 to 0xdf: bytes of the length that follows, further bytes of content, values for each it counts."""


def _too_many_values(limits: PartLimits) -> TooManyParts:
    return TooManyParts(
        f"the body has more than {limits.values} values; send fewer at once or raise max_json_values",
        limit="max_json_values",
    )


def _too_deep(limits: PartLimits) -> TooManyParts:
    return TooManyParts(
        f"the body's lists and objects are nested more than {limits.depth} deep; flatten it or raise max_json_depth",
        limit="max_json_depth",
    )
