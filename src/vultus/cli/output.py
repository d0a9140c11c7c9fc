"""What the command line writes: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vultus.errors import (
    CatalogueError,
    GroundTruthError,
    OutputUnwritable,
    PictureError,
    RequestError,
    SettingsError,
    UnknownModel,
    VultusError,
)

_PIPED_WIDTH = 160  # no terminal tells how wide it is
_ANY_WIDTH = 100_000  # a terminal folds lines that are too long for it; Rich would cut them

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130

EXIT_CODES = (
    "Exit codes: 0 all went well; 1 some or all pictures could not be used; 2 wrong usage, settings or output file; "
    "3 a network or an engine is not available; 130 interrupted."
)


def exit_code_of(error: VultusError) -> int:
    """The exit code an error ends the command with."""
    match error:
        case PictureError():
            return EXIT_FAILED
        case (
            SettingsError()
            | OutputUnwritable()
            | RequestError()
            | UnknownModel()
            | CatalogueError()
            | GroundTruthError()
        ):
            return EXIT_USAGE
        case _:
            return EXIT_UNAVAILABLE


def error_console() -> Console:
    """Standard error as it is now; a narrow or missing terminal must not break messages apart."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def printable(name: str) -> str:
    """A file name that is safe to show: no control characters, nothing that is not Unicode."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


def error_record(error: VultusError) -> dict[str, object]:
    """An error as JSON shows it."""
    return {"code": error.code, "message": error.message}


def print_error(error: VultusError, *, about: str = "", as_json: bool = False, console: Console | None = None) -> None:
    """Say on standard error what went wrong, as a JSON object where results are JSON too.

    Args:
        error: What went wrong.
        about: Name of the picture that is to blame, if one is.
        as_json: Whether results are JSON.
        console: The one that shows a progress bar, if one does.
    """
    if as_json:
        record = {"path": json_name(about)} if about else {}
        typer.echo(orjson.dumps(record | {"error": error_record(error)}), err=True)
        return
    # Errors of files that cannot be opened begin with the file's name already.
    subject = "" if error.message.startswith(about) else f"{escape(printable(about))}: "
    (console or error_console()).print(f"[bold red]error:[/] {subject}{escape(error.message)} [dim]({error.code})[/]")


def print_note(kind: str, text: str) -> None:
    """A remark on standard error."""
    error_console().print(f"[yellow]{kind}:[/] {escape(text)}")


def print_line(text: str) -> None:
    """A line of results on standard output; where a progress bar is shown on the same terminal, above it."""
    print(text, flush=True)  # not typer.echo, which goes past rich's capture of standard output


def print_json(record: object) -> None:
    """One JSON line on standard output."""
    line = orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)
    if sys.stdout.isatty():
        print_line(line.decode())
    else:
        typer.echo(line)  # UTF-8, whatever the platform writes text in


def json_name(name: str) -> str:
    """A file name as JSON can hold it: bytes that are not UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> None:
    """A small table on standard output, of which nothing is ever cut; numbers stand to the right, words to the left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(file=sys.stdout, width=_ANY_WIDTH, markup=False).print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Names with what is to be said of them, beside each other on standard output; long values are folded."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False).print(table)
