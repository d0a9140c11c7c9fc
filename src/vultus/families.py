"""Families of networks: those that are built in, and those that other installed packages bring by entry point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

from vultus.errors import PluginBroken

F = TypeVar("F")


class Families(Mapping[str, F]):
    """What makes networks of a family usable, by the family's name.

    A family of another package is imported when it is first asked for, never just to be listed. One that is built in
    cannot be replaced.

    Args:
        group: Entry-point group that other packages register theirs in.
        builtin: Those of this package.
    """

    def __init__(self, group: str, builtin: Mapping[str, F]) -> None:
        self._group = group
        self._builtin = builtin

    def __getitem__(self, name: str) -> F:
        """The family of this name.

        Raises:
            KeyError: There is none.
            PluginBroken: The package that registers it cannot be imported, or several packages do.
        """
        if name in self._builtin:
            return self._builtin[name]
        found = self._brought[name]
        if len(found) > 1:
            raise PluginBroken(f"the family {name!r} is registered by {' and by '.join(map(_origin, found))}.")
        return cast("F", _load(found[0]))

    def __contains__(self, name: object) -> bool:
        return name in self._builtin or name in self._brought

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._builtin, *self._brought]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    @cached_property
    def _brought(self) -> dict[str, list[EntryPoint]]:
        """What installed packages register, by name; looked up once, as that reads all their metadata."""
        points: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self._group):
            points.setdefault(point.name, []).append(point)
        return points


def _load(point: EntryPoint) -> object:
    try:
        loaded = point.load()
    except Exception as error:  # whatever a stranger's module raises
        raise PluginBroken(
            f"the family {point.name!r} of {_origin(point)} cannot be imported from {point.value}: "
            f"{type(error).__name__}: {error}. Mend or uninstall that package."
        ) from error
    if not callable(loaded) and not hasattr(loaded, "make"):
        raise PluginBroken(
            f"{point.value}, the family {point.name!r} of {_origin(point)}, is nothing that can be called."
        )
    return loaded


def _origin(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist else "a package that is not known"
