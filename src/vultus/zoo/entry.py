"""Catalogue entries as TOML text, for a person to paste into a catalogue file of their own."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any

from vultus.zoo.catalogue import Model

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def entry(model: Model, sha256: str) -> str:
    """The entry of ``model`` as a catalogue file has it, but of a file with this ``sha256``, fetched from nowhere."""
    own = replace(model, sha256=sha256, md5=None, size=None, sources=(), note="", accuracy={})
    stated = _stated(own)
    del stated["name"]
    return "\n".join(
        [f"[models.{_key(model.name)}]", *(f"{_key(name)} = {_toml(item)}" for name, item in stated.items())]
    )


def _stated(record: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    """The fields of a dataclass that are not what they are by default."""
    return {field.name: item for field in fields(record) if (item := getattr(record, field.name)) != _default(field)}


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _toml(value: object) -> str:
    match value:
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)  # TOML writes these as JSON does
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{_key(name)} = {_toml(item)}' for name, item in value.items())} }}"
        case _ if is_dataclass(value):
            return _toml(_stated(value))
        case _:
            raise TypeError(f"a catalogue holds nothing like {value!r}")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name)
