"""What a table of another product's variables is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["honoured", "ignored", "error"]

JOINED = frozenset({"attributes", "ifr_flags", "compreface_plugins"})
"""Settings to which several variables add their part; of any other setting two variables must say the same."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What becomes of one value.

    Attributes:
        verdict: Honoured, ignored, or an error.
        values: Setting -> value; of settings in ``JOINED`` a tuple, which is added to.
        remark: What there is to say about it; empty where nothing is.
    """

    verdict: Verdict = "honoured"
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    remark: str = ""


Reader: TypeAlias = Callable[[str], Reading]
"""Reads a value that is not empty; a ``ValueError`` says what it must be."""

NOTHING = Reading()


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of another product.

    Attributes:
        name: As it is in the environment; ``*`` stands for any characters.
        verdict: What becomes of it, of most values at least.
        note: Why, and what to use instead; Markdown for the documentation.
        read: What becomes of a value.
        default: What holds there where it is not set, empty where that is nothing.
        settings: The settings it decides, the decisive one first: where that is given otherwise it does not count.
        unset: What its absence means here, where leaving that out would change answers.
        harmless: Values that are as good as not set, in lower case.
        is_folder: Whether it names a folder, without which it does nothing.
        is_secret: Whether its value is not to be shown; such a variable is ignored.
    """

    name: str
    verdict: Verdict
    note: str
    read: Reader
    default: str = ""
    settings: tuple[str, ...] = ()
    unset: Reading = NOTHING
    harmless: tuple[str, ...] = ()
    is_folder: bool = False
    is_secret: bool = False

    def matches(self, name: str) -> bool:
        """Whether this is the variable of that name."""
        return fnmatchcase(name, self.name)


@dataclass(frozen=True, slots=True)
class Product:
    """Another product, as far as its environment goes.

    Attributes:
        name: As the setting ``compat`` names it, and the dialect.
        title: As people call it.
        port: What it listens on in its container.
        variables: Its variables.
        defaults: Settings that differ here from those of Vultus whatever the variables say.
        reminders: Setting -> what differs from the product as long as it is not given.
        images: Parts of the names by which its images and build folders are known.
        any_case: Whether its variables may be written in any letter case.
    """

    name: str
    title: str
    port: int
    variables: tuple[Variable, ...]
    defaults: Mapping[str, Any]
    reminders: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    images: tuple[str, ...] = ()
    any_case: bool = False

    @property
    def everywhere(self) -> Mapping[str, Any]:
        """Settings that hold whatever the variables say: it is reached as in its container, and answers alone."""
        return {"host": "0.0.0.0", "port": self.port, "dialects": (self.name,)} | dict(self.defaults)  # noqa: S104

    def variable(self, name: str) -> Variable | None:
        """Its variable of that name."""
        wanted = name.upper() if self.any_case else name
        return next((variable for variable in self.variables if variable.matches(wanted)), None)
