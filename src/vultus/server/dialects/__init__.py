"""Other services' APIs, one file each: they translate requests and answers, and hold no inference logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from vultus.errors import SettingsError
from vultus.server.dialects import insightface_rest
from vultus.server.dialects.base import Dialect

DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (insightface_rest.DIALECT,)})
"""All dialects, by name."""


def chosen(names: Iterable[str]) -> tuple[Dialect, ...]:
    """The dialects of these names, each once.

    Raises:
        SettingsError: There is none of that name.
    """
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in DIALECTS]:
        raise SettingsError(f"dialects: there is no {', '.join(unknown)}; there are: {', '.join(DIALECTS)}")
    return tuple(DIALECTS[name] for name in wanted)
