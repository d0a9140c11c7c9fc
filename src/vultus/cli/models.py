"""``vultus models``: which networks exist, where their files are, what may be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, TypeAlias

import typer

from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, print_facts, print_json, print_table
from vultus.errors import UnknownModel
from vultus.settings import Networks, Settings
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.licence import check_licence
from vultus.zoo.store import Store

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Name: TypeAlias = Annotated[str, typer.Argument(help="Name or alias of a network.")]

EXIT_CODES = (
    "Exit codes: 0 all went well; 1 verify found a file that is wrong or missing; 2 wrong usage or settings, or a name "
    "that is not in the catalogue; 3 a network cannot be had or its licence is refused; 130 interrupted."
)

app = typer.Typer(
    no_args_is_help=True, help="The networks: list, fetch, verify, find and describe them.", epilog=EXIT_CODES
)


@app.command("list", epilog=EXIT_CODES)
@with_settings(Networks)
def list_models(settings: Settings, as_json: AsJson = False) -> None:
    """All networks and packs of the catalogue, and whether their files are here."""
    catalogue, store = _open(settings)
    if as_json:
        models = [_summary(model, store) for model in catalogue.models]
        packs = [asdict(pack) | {"configured": pack.name == settings.pack} for pack in catalogue.packs]
        print_json({"models": models, "packs": packs})
        return
    rows = [
        (model.name, model.task, megabytes(model), commercial_use(model), "yes" if store.present(model) else "no")
        for model in catalogue.models
    ]
    print_table(("name", "task", "size", "commercial use", "present"), rows, numbers=False)
    for pack in catalogue.packs:
        mark = " (in use)" if pack.name == settings.pack else ""
        typer.echo(f"\npack {pack.name}{mark}: {', '.join(pack.models)}\n  {pack.summary}")


@app.command(epilog=EXIT_CODES)
@with_settings(Networks)
def pull(
    settings: Settings,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAMES]...", help="Networks or packs; none: the configured pack.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the files of networks that are not here yet, and verify all of them."""
    catalogue, store = _open(settings)
    models = _named(catalogue, names) if names else configured(catalogue, settings)
    for model in models:
        check_licence(model, settings.license_policy)
    paths = store.paths(models)
    if as_json:
        print_json({"models": [{"name": m.name, "path": str(path)} for m, path in zip(models, paths, strict=True)]})
        return
    for model, path in zip(models, paths, strict=True):
        typer.echo(f"{model.name}: {path}")


@app.command(epilog=EXIT_CODES)
@with_settings(Networks)
def verify(
    settings: Settings,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAMES]...", help="Networks or packs; none: all that are here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hash the files that are here anew.

    Exit code 1 if one is not what the catalogue says, or if a network that is named has none.
    """
    catalogue, store = _open(settings)
    models = _named(catalogue, names) if names else catalogue.models
    copies = [(model, copy) for model in models for copy in store.copies(model)]
    absent = [model.name for model in models if all(model is not found for found, _ in copies)] if names else []
    if as_json:
        records = [
            {"name": model.name, "path": str(copy.path), "sha256": copy.sha256, "intact": copy.intact}
            for model, copy in copies
        ]
        print_json({"files": records, "absent": absent})
    else:
        for model, copy in copies:
            typer.echo(f"{'ok   ' if copy.intact else 'WRONG'} {model.name}: {copy.path}")
            if not copy.intact:
                typer.echo(f"      its sha256 is {copy.sha256 or 'unreadable'}, the catalogue says {model.sha256}")
        for name in absent:
            typer.echo(f"absent {name}")
    raise typer.Exit(EXIT_FAILED if absent or not all(copy.intact for _, copy in copies) else 0)


@app.command(epilog=EXIT_CODES)
@with_settings(Networks)
def path(settings: Settings, name: Name, as_json: AsJson = False) -> None:
    """Where a network's verified file is; it is fetched if it is nowhere."""
    catalogue, store = _open(settings)
    model = catalogue.model(name)
    found = store.path(model)
    if as_json:
        print_json({"name": model.name, "path": str(found)})
    else:
        typer.echo(found)


@app.command(epilog=EXIT_CODES)
@with_settings(Networks)
def info(settings: Settings, name: Name, as_json: AsJson = False) -> None:
    """Everything the catalogue says of a network."""
    catalogue, store = _open(settings)
    model = catalogue.model(name)
    found = store.present(model)
    if as_json:
        print_json(asdict(model) | {"path": str(found) if found else None})
        return
    facts = {key: "\n".join(_lines(value)) for key, value in asdict(model).items()}
    print_facts(facts | {"path": str(found) if found else "not here"})


def configured(catalogue: Catalogue, settings: Settings) -> list[Model]:
    """The networks that the settings choose and this version can run.

    Raises:
        UnknownModel: The settings name a pack or network that is not there.
    """
    from vultus.profiles import default_profile, models_of  # with them comes the image library

    return models_of([default_profile(settings, catalogue)], catalogue)


def commercial_use(model: Model) -> str:
    """Whether a network's licence allows commercial use, in a word."""
    return {True: "yes", False: "no", None: "not stated"}[model.commercial_use]


def megabytes(model: Model) -> str:
    """A network's size for a table."""
    return f"{model.size / 1e6:.1f} MB"


def _open(settings: Settings) -> tuple[Catalogue, Store]:
    return Catalogue.load(settings.models), Store.from_settings(settings)


def _named(catalogue: Catalogue, names: Sequence[str]) -> list[Model]:
    """The networks that names of networks and packs stand for, each once."""
    packs = {pack.name: pack for pack in catalogue.packs}
    found: dict[str, Model] = {}
    for name in names:
        for member in packs[name].models if name in packs else (name,):
            try:
                model = catalogue.model(member)
            except UnknownModel as error:
                raise UnknownModel(f"{error.message} Packs are {', '.join(packs)}.") from error
            found[model.name] = model
    return list(found.values())


def _summary(model: Model, store: Store) -> dict[str, object]:
    found = store.present(model)
    return {
        "name": model.name,
        "aliases": model.aliases,
        "task": model.task,
        "family": model.family,
        "size": model.size,
        "sha256": model.sha256,
        "licence": model.licence,
        "commercial_use": model.commercial_use,
        "path": str(found) if found else None,
    }


def _lines(value: object) -> list[str]:
    match value:
        case dict():
            return [f"{key}: {item}" for key, item in value.items()] or ["-"]
        case list() | tuple():
            return ["; ".join(_lines(item)) for item in value] or ["-"]
        case None:
            return ["-"]
        case _:
            return [str(value)]
