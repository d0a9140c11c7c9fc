"""``vultus keys``: API keys, and what the server's settings hold of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.output import print_json, print_line, print_note
from vultus.errors import SettingsError
from vultus.settings.keys import ANY, AREAS, ApiKey, Rate, check_areas, check_strength, digest_of, new_key

EXIT_CODES = "Exit codes: 0 done; 2 wrong usage, or something that is no key; 130 interrupted."

Name = Annotated[str, typer.Argument(help="Name of who gets the key, for logs and metrics.")]
Scopes = Annotated[
    list[str], typer.Option("--scope", metavar="SCOPE,...", help=f"What it is good for: {', '.join(AREAS)}, or *.")
]
Requests = Annotated[
    str | None, typer.Option(metavar="RATE[/BURST]", help="How many requests a second it may send, and at once.")
]
Pictures = Annotated[
    str | None, typer.Option(metavar="RATE[/BURST]", help="How many pictures a second it may send, and at once.")
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="API keys of the server.")


@app.command(epilog=EXIT_CODES)
def new(
    name: Name, scope: Scopes, requests: Requests = None, pictures: Pictures = None, as_json: AsJson = False
) -> None:
    """Make a key; show it, this once, and the entry for the server's settings.

    The entry holds a digest, of which nobody can make the key again. It goes
    into the setting keys (several are separated by commas) or, as a line, into
    the file that keys-file names.
    """
    key = new_key()
    entry = _entry(name, scope, key, requests, pictures)
    if as_json:
        print_json({"key": key, "entry": entry})
        return
    print_line(f"key: {key}\nentry: {entry}")
    print_note("note", "the key is not kept anywhere: give it to its owner now, and put the entry into the settings")


@app.command("hash", epilog=EXIT_CODES)
def hash_(
    name: Name, scope: Scopes, requests: Requests = None, pictures: Pictures = None, as_json: AsJson = False
) -> None:
    """Make the entry of a key that exists, which is read from standard input."""
    key = sys.stdin.readline().strip()
    try:
        check_strength(key)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    entry = _entry(name, scope, key, requests, pictures)
    if as_json:
        print_json({"entry": entry})
    else:
        print_line(f"entry: {entry}")


def _entry(name: str, scopes: Sequence[str], key: str, requests: str | None, pictures: str | None) -> str:
    """What the settings hold of a key, as the settings read it."""
    named = [part.strip() for scope in scopes for part in scope.split(",") if part.strip()]
    rates = {"requests": requests, "pictures": pictures}
    try:
        limits = {what: Rate.parse(rate) for what, rate in rates.items() if rate is not None}
        entry = str(ApiKey(name, check_areas(named, (*AREAS, ANY)), digest_of(key), **limits))
        ApiKey.parse(entry)
    except ValueError as error:
        raise SettingsError(f"no such key can be made: {error}") from error
    return entry
