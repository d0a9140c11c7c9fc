"""Short ways to write a row of a table, and what values are read as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vultus.compat.table import NOTHING, Reading, Variable

ON = ("true", "1", "yes", "on", "t", "y")
"""How booleans say yes."""
OFF = ("false", "0", "no", "off", "f", "n")
"""How booleans say no."""

_LEVELS = {
    "trace": "debug",
    "notset": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "error",
    "critical": "error",
}


def honoured(
    name: str,
    setting: str,
    note: str,
    *,
    default: str = "",
    parse: Callable[[str], Any] = str,
    unset: Reading = NOTHING,
    is_folder: bool = False,
) -> Variable:
    """A variable that becomes one setting."""
    return Variable(
        name,
        "honoured",
        note,
        lambda value: Reading(values={setting: parse(value)}),
        default=default,
        settings=(setting,),
        unset=unset,
        is_folder=is_folder,
    )


def ignored(
    name: str, note: str, *, default: str = "", harmless: tuple[str, ...] = (), is_secret: bool = False
) -> Variable:
    """A variable that has no counterpart and is warned about, unless it holds its default or what is harmless."""
    return Variable(
        name,
        "ignored",
        note,
        lambda _: Reading("ignored", remark=note),
        default=default,
        harmless=(*([default.lower()] if default else ()), *harmless),
        is_secret=is_secret,
    )


def refused(name: str, note: str, *, default: str = "") -> Variable:
    """A variable without which answers would differ, and which cannot be honoured."""
    return Variable(
        name,
        "error",
        note,
        lambda _: Reading("error", remark=note),
        default=default,
        harmless=(default.lower(),) if default else (),
    )


UNPROVEN = "nobody has run this version of Vultus on a GPU yet: compare answers before you rely on them"
"""What there is to say wherever another product's GPU becomes one here."""


def processes(name: str, note: str, *, usual: str = "") -> Variable:
    """A number of processes, each with the networks once more; said to be dispensable where it is above one.

    Args:
        name: The variable.
        note: For the table.
        usual: What the product's own files set: nobody has chosen it, and it does not count.
    """

    def read(value: str) -> Reading:
        if value == usual:
            return NOTHING
        remark = "each process holds the networks once more, and one alone uses all cores: set VULTUS_WORKERS=1"
        return Reading(values={"workers": value}, remark=remark if whole(value) > 1 else "")

    return Variable(name, "honoured", note, read, settings=("workers",))


def is_on(text: str) -> bool:
    """A boolean as pydantic and most others read it.

    Raises:
        ValueError: It is none.
    """
    if text.lower() in (*ON, *OFF):
        return text.lower() in ON
    raise ValueError("must be true or false")


def whole(text: str) -> int:
    """A whole number.

    Raises:
        ValueError: It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None


def log_level(text: str) -> str:
    """A level of the log by Python's names or near ones.

    Raises:
        ValueError: It is none.
    """
    try:
        return _LEVELS[text.lower()]
    except KeyError:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}") from None
