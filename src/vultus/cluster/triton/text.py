"""Protocol buffers' text format, in which Triton reads the configuration of a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Scalar: TypeAlias = str | int | bool
Message: TypeAlias = Mapping[str, "Scalar | Message | Sequence[Scalar] | Sequence[Message]"]


class Word(str):
    """A value of an enumeration, which stands without quotes."""

    __slots__ = ()


def text_of(message: Message) -> str:
    """A message as text. A list of messages is a repeated field; an empty list is none."""
    return "".join(f"{line}\n" for line in _lines(message))


def entries(values: Mapping[str, Scalar | Message]) -> list[Message]:
    """The entries of a field that is a map."""
    return [{"key": key, "value": value} for key, value in values.items()]


def _lines(message: Message) -> Iterator[str]:
    for name, value in message.items():
        items = [value] if isinstance(value, str | int | Mapping) else list(value)
        scalars = [_scalar(item) for item in items if not isinstance(item, Mapping)]
        if scalars:
            yield f"{name}: {scalars[0]}" if isinstance(value, str | int) else f"{name}: [{', '.join(scalars)}]"
        for item in items:
            if isinstance(item, Mapping):
                yield f"{name} {{"
                yield from (f"  {line}" for line in _lines(item))
                yield "}"


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        json.dumps(value, ensure_ascii=False) if isinstance(value, str) and not isinstance(value, Word) else str(value)
    )
