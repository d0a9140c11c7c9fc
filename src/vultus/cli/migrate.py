"""``vultus migrate``: what becomes of another product's environment, told before anything is started."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vultus.cli.models import AsJson
from vultus.cli.output import EXIT_FAILED, print_json
from vultus.cli.weights import Weight, check_weights
from vultus.compat import PRODUCTS, Found, Product, Translation, translate
from vultus.errors import SettingsError
from vultus.settings import ENV_PREFIX, Settings, load_settings, variable_of

if TYPE_CHECKING:
    from vultus.cli.compose import Service

EXIT_CODES = (
    "Exit codes: 0 it would start; 1 a variable is an error, or a network cannot be had; 2 wrong usage, or a file that "
    "cannot be read or does not tell whose it is; 130 interrupted."
)

app = typer.Typer(
    no_args_is_help=True, help="Move here from another service: what its environment comes to.", epilog=EXIT_CODES
)

_ENOUGH = 2  # settings that a service must decide by a product's variables to be taken for it


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of a variable.

    Attributes:
        name: Its name.
        value: What it holds; empty where that is nobody's business.
        verdict: ``honoured``, ``ignored`` or ``error``.
        settings: Variables of Vultus it decides -> what it says of them; ``None`` where it leaves them alone.
        why: What there is to say.
    """

    name: str
    value: str
    verdict: str
    settings: Mapping[str, str | None]
    why: str


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a service.

    Attributes:
        service: Its name; empty for an env file.
        product: What it is.
        variables: Its variables.
        networks: The networks it would use here.
        notes: What else is not as it was.
        problems: What prevents the start.
        environment: The same without the product's variables, as variables of Vultus.
    """

    service: str
    product: str
    variables: Sequence[Row]
    networks: Sequence[Weight]
    notes: Sequence[str]
    problems: Sequence[str]
    environment: Mapping[str, str]


@app.callback()
def migrate() -> None:
    """Keep ``check`` a command of its own."""


@app.command(epilog=EXIT_CODES)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Compose file (.yml, .yaml) or env file.")],
    product: Annotated[
        str | None, typer.Option(metavar="|".join(PRODUCTS), help="Whose environment it is; not given: guessed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what of a service's environment is honoured, ignored or an error here, and which weights are missing.

    Networks are looked for where `vultus models` looks, and in the folders the compose file mounts.
    """
    from vultus.cli.compose import read_services  # with it comes PyYAML, which no other command needs

    moves = [_move(service, made) for service, made in choose(read_services(file), product, file)]
    if as_json:
        print_json({"services": [asdict(move) for move in moves]})
    else:
        for move in moves:
            _print(move)
    raise typer.Exit(EXIT_FAILED if any(move.problems for move in moves) else 0)


def choose(services: Sequence[Service], named: str | None, file: Path) -> list[tuple[Service, Product]]:
    """The services to be moved, each with what it is.

    Raises:
        SettingsError: There is no product of the name, or no service that is known.
    """
    if named is not None and named not in PRODUCTS:
        raise SettingsError(f"there is no product {named}; there are: {', '.join(PRODUCTS)}")
    if named:
        given = PRODUCTS[named]
        chosen = [(service, given) for service in services if len(services) == 1 or _resembles(service, given)]
    else:
        least = 1 if len(services) == 1 else _ENOUGH
        chosen = [(service, made) for service in services if (made := _guess(service, least)) is not None]
    if not chosen:
        raise SettingsError(
            f"{file}: nothing here looks like {named or 'one of ' + ', '.join(PRODUCTS)}; "
            "name the product with --product, or give the env file of its service"
        )
    return chosen


def _guess(service: Service, least: int) -> Product | None:
    told = PRODUCTS.get(service.environment.get(variable_of("compat"), ""))
    by_image = (made for made in PRODUCTS.values() if _is_image_of(service, made))
    if certain := told or next(by_image, None):
        return certain
    counts = {name: _count(service, made) for name, made in PRODUCTS.items()}
    best = max(counts, key=lambda name: counts[name])
    is_clear = counts[best] >= least and list(counts.values()).count(counts[best]) == 1
    return PRODUCTS[best] if is_clear else None


def _is_image_of(service: Service, product: Product) -> bool:
    return any(part in service.image.lower() for part in product.images)


def _resembles(service: Service, product: Product) -> bool:
    return _is_image_of(service, product) or _count(service, product) > 0


def _count(service: Service, product: Product) -> int:
    """How many variables of the service decide a setting."""
    known = (product.variable(name) for name in service.environment)
    return sum(1 for variable in known if variable and variable.settings)


def _move(service: Service, product: Product) -> Move:
    own = {
        name: value
        for name in Settings.model_fields
        if (value := service.environment.get(variable_of(name))) and name != "compat"
    }
    mounted = service.outside if service.name else lambda name: name if name in service.environment.values() else None
    translation = translate(product, service.environment, own.keys(), is_folder=lambda name: bool(mounted(name)))
    values = {**translation.values, **own}
    problems = [*translation.problems, *(wrong := list(_out_of_range(values, translation)))]
    networks, notes, missing = ([], [], []) if wrong else check_weights(values, service)
    return Move(
        service=service.name,
        product=product.name,
        variables=list(_rows(service, product, translation)),
        networks=networks,
        notes=[*translation.about_unset, *_port_notes(service, values), *notes],
        problems=problems + missing,
        environment={variable_of(name): _text(value) for name, value in sorted(values.items())},
    )


def _out_of_range(values: Mapping[str, Any], translation: Translation) -> Iterator[str]:
    for name, value in values.items():
        if name == "image_root":
            continue  # a folder in the container
        try:
            load_settings(**{name: value, "compat": None})
        except SettingsError as error:
            yield f"{translation.origins.get(name, variable_of(name))}: {error.message}"


def _port_notes(service: Service, values: Mapping[str, Any]) -> Iterator[str]:
    if service.ports and int(values["port"]) not in service.ports:
        published = ", ".join(map(str, service.ports))
        yield f"the published port of the container is {published}, but the server listens on {values['port']}"


def _rows(service: Service, product: Product, translation: Translation) -> Iterator[Row]:
    found = {item.name: item for item in translation.found}
    for name, value in service.environment.items():
        if item := found.get(name):
            yield _row(item)
        elif name.startswith(ENV_PREFIX) and name.removeprefix(ENV_PREFIX).lower() in Settings.model_fields:
            yield Row(name, value, "honoured", {name: value}, "a setting of Vultus itself")
        elif product.variable(name):
            yield Row(name, value, "ignored", {}, "empty: as good as not set")
        else:
            yield Row(name, "", "ignored", {}, f"no variable of {product.title}")


def _row(item: Found) -> Row:
    variable, reading = item.variable, item.reading
    value = "" if variable.is_secret else item.value
    settings = {
        variable_of(name): _text(reading.values[name]) if name in reading.values else None for name in variable.settings
    }
    if item.overruled:
        return Row(item.name, value, "ignored", dict.fromkeys(settings), "given for Vultus itself, which counts")
    if item.value.lower() in variable.harmless:
        return Row(item.name, value, "honoured", settings, "as it is here anyway")
    return Row(item.name, value, reading.verdict, settings, reading.remark)


def _text(value: object) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _print(move: Move) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
    title = f"{move.service}: {PRODUCTS[move.product].title}" if move.service else PRODUCTS[move.product].title
    console.print(title, style="bold")
    _print_rows(console, ("variable", "value", "becomes", "setting", "why"), map(_cells, move.variables))
    _print_rows(console, ("network", "size", "licence", "where"), (weight.cells for weight in move.networks))
    for kind, texts in (("note", move.notes), ("error", move.problems)):
        for text in texts:
            console.print(f"{kind}: {text}", soft_wrap=True)
    if not move.problems:
        lines = "\n".join(f"{name}={value}" for name, value in move.environment.items())
        console.print(f"\nKeep the variables and add\n\n{variable_of('compat')}={move.product}\n", soft_wrap=True)
        console.print(f"or replace them by\n\n{lines}\n", soft_wrap=True)


def _cells(row: Row) -> tuple[str, ...]:
    settings = (name if value is None else f"{name}={value}" for name, value in row.settings.items())
    return row.name, row.value, row.verdict, " ".join(settings), row.why


def _print_rows(console: Console, columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        console.print(table)
        console.print()
