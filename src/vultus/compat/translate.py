"""From the variables of another product to settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vultus.compat.table import JOINED, Product, Reading, Variable

NETWORKS_OF_A_PACK = frozenset({"detector", "embedder"})


@dataclass(frozen=True, slots=True)
class Found:
    """A variable of the product that is in the environment.

    Attributes:
        name: As it is written there.
        value: What it holds.
        variable: What is known of it.
        reading: What becomes of it.
        overruled: Whether what it decides is given otherwise, so that it does not count.
    """

    name: str
    value: str
    variable: Variable
    reading: Reading
    overruled: bool


@dataclass(frozen=True, slots=True)
class Translation:
    """What an environment of the product means.

    Attributes:
        found: The product's variables that are set, in the order of its table.
        values: Setting -> value, of those that are not given elsewhere.
        origins: Setting -> the variables its value came from, as far as it did not come from a default.
        about_found: What of the variables that are set is not as it was, one sentence each.
        about_unset: The same of what holds because nothing is set.
        problems: What must not be, one sentence each; with any, the values are of no use.
    """

    found: tuple[Found, ...]
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    about_found: tuple[str, ...]
    about_unset: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that is not as it was."""
        return self.about_found + self.about_unset


def translate(
    product: Product,
    environment: Mapping[str, str],
    given: Set[str] = frozenset(),
    *,
    is_folder: Callable[[str], bool] = lambda name: Path(name).is_dir(),
) -> Translation:
    """Read an environment as the product would; empty variables count as not set.

    Args:
        product: Whose variables to read.
        environment: Name -> value.
        given: Settings given by other means, which take precedence. A pack outranks single networks.
        is_folder: Whether a folder is there.
    """
    outranked = given | (NETWORKS_OF_A_PACK if "pack" in given else frozenset())
    found = tuple(_find(product, environment, outranked, is_folder))
    said = [item for item in found if not item.overruled]
    silent = [variable for variable in product.variables if all(variable is not item.variable for item in found)]
    unset = {
        variable.name: variable.unset
        for variable in silent
        if not variable.is_folder or all(is_folder(name) for name in variable.unset.values.values())
    }
    values = _merge(product, said, unset)
    defaults = [reading.remark for reading in unset.values() if not reading.values.keys() & outranked]
    reminders = [text for setting, text in product.reminders.items() if setting not in given]
    return Translation(
        found=found,
        values={setting: value for setting, value in values.items() if setting not in outranked},
        origins=_origins(said),
        about_found=tuple(filter(None, (_remark(item, given) for item in found))),
        about_unset=tuple(filter(None, defaults + reminders)),
        problems=(*_errors(said), *_contradictions(said)),
    )


def _find(
    product: Product, environment: Mapping[str, str], given: Set[str], is_folder: Callable[[str], bool]
) -> Iterator[Found]:
    held = {name: text for name, value in environment.items() if (text := value.strip())}
    for variable in product.variables:
        for name in sorted(held):
            if product.variable(name) is variable:
                reading = _read(variable, held[name], is_folder)
                overruled = bool(variable.settings) and variable.settings[0] in given
                yield Found(name, held[name], variable, reading, overruled)


def _read(variable: Variable, value: str, is_folder: Callable[[str], bool]) -> Reading:
    if value.lower() in variable.harmless:
        return Reading()
    if variable.is_folder and not is_folder(value):
        return Reading("ignored", remark=f"there is no folder {value}")
    try:
        return variable.read(value)
    except ValueError as error:
        return Reading("error", remark=str(error))


def _merge(product: Product, said: list[Found], unset: Mapping[str, Reading]) -> dict[str, Any]:
    """What is said goes before what silence means, and that before what holds anyway; lists are joined."""
    merged = dict(product.everywhere)
    for reading in (*unset.values(), *(item.reading for item in said)):
        merged |= reading.values
    for setting in JOINED & merged.keys():
        parts = dict.fromkeys(
            part
            for variable in product.variables
            for reading in _readings(variable, said, unset)
            for part in reading.values.get(setting, ())
        )
        merged[setting] = tuple(parts)
    return merged


def _readings(variable: Variable, said: list[Found], unset: Mapping[str, Reading]) -> Iterator[Reading]:
    yield from (item.reading for item in said if item.variable is variable)
    if variable.name in unset:
        yield unset[variable.name]


def _origins(found: list[Found]) -> dict[str, str]:
    names: dict[str, list[str]] = {}
    for item in found:
        for setting in item.reading.values:
            names.setdefault(setting, []).append(item.name)
    return {setting: ", ".join(variables) for setting, variables in names.items()}


def _remark(item: Found, given: Set[str]) -> str:
    if item.overruled:
        by = item.variable.settings[0] if item.variable.settings[0] in given else "pack"
        return f"{item.name} does not count, as {by} is given for Vultus itself"
    if not item.reading.remark or item.reading.verdict == "error":
        return ""
    return f"{item.name}{' is ignored' * (item.reading.verdict == 'ignored')}: {item.reading.remark}"


def _errors(found: list[Found]) -> Iterator[str]:
    for item in found:
        if item.reading.verdict == "error":
            yield f"{item.name}: {item.reading.remark} (got {item.value!r})"


def _contradictions(found: list[Found]) -> Iterator[str]:
    said: dict[str, Found] = {}
    for item in found:
        for setting in item.reading.values.keys() - JOINED:
            first = said.setdefault(setting, item)
            if first.reading.values[setting] != item.reading.values[setting]:
                yield (
                    f"{first.name}={first.value} and {item.name}={item.value} contradict each other, "
                    f"as both decide {setting}; remove one"
                )
