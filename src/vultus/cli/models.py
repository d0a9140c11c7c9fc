"""``vultus models``: which networks exist, where their files are, what may be done with them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from vultus.cli import build, quantize
from vultus.cli.model_facts import commercial_use, facts_of, megabytes, presence
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, print_facts, print_json, print_table
from vultus.errors import UnknownModel
from vultus.settings import LicencePolicy, Networks, Settings
from vultus.zoo.catalogue import Catalogue, Model, Task
from vultus.zoo.licence import check_licence, is_allowed
from vultus.zoo.own import open_catalogue
from vultus.zoo.store import Store

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Name: TypeAlias = Annotated[str, typer.Argument(help="Name or alias of a network.")]

EXIT_CODES = (
    "Exit codes: 0 all went well; 1 verify found a file that is wrong or missing; 2 wrong usage or settings, or a name "
    "that is not in the catalogue; 3 a network cannot be had or its licence is refused; 130 interrupted."
)

app = typer.Typer(
    no_args_is_help=True, help="The networks: list, fetch, verify, find, describe and build them.", epilog=EXIT_CODES
)


@app.command("list", epilog=EXIT_CODES)
@with_settings(Networks)
def list_models(
    settings: Settings,
    task: Annotated[Task | None, typer.Option(help="Only networks that are for this.")] = None,
    licence: Annotated[LicencePolicy, typer.Option(help="Only networks that this licence policy allows.")] = "any",
    here: Annotated[bool, typer.Option("--here", help="Only networks whose files are here.")] = False,
    as_json: AsJson = False,
) -> None:
    """The networks and packs of the catalogue, and whether their files are here.

    What is known by name only has no published hash: `vultus models info NAME` says how to use a file of one's own.
    """
    catalogue, store = _open(settings)
    found = {model.name: store.present(model) for model in catalogue.models}
    shown = [
        model
        for model in catalogue.models
        if task in (None, model.task) and is_allowed(model, licence) and (found[model.name] or not here)
    ]
    if as_json:
        models = [_summary(model, found[model.name]) for model in shown]
        packs = [asdict(pack) | {"configured": pack.name == settings.pack} for pack in catalogue.packs]
        print_json({"models": models, "packs": packs})
        return
    rows = [
        (model.name, model.task, megabytes(model), commercial_use(model), presence(model, found[model.name]))
        for model in shown
    ]
    print_table(("name", "task", "size", "commercial", "present"), rows, numbers=False)
    names = {model.name for model in shown}
    for pack in catalogue.packs:
        if not names.issuperset(catalogue.model(member).name for member in pack.models):
            continue
        mark = " (in use)" if pack.name == settings.pack else ""
        typer.echo(f"\npack {pack.name}{mark}: {', '.join(pack.models)}\n  {pack.summary}")


@app.command(epilog=EXIT_CODES)
@with_settings(Networks)
def pull(
    settings: Settings,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAMES]...", help="Networks or packs; none: the configured pack.")
    ] = None,
    served: Annotated[
        bool, typer.Option("--served", help="Also what a server with these settings loads for its dialects.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="Folder to copy the files into, for use as VULTUS_MODEL_CACHE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the files of networks that are not here yet, and verify all of them."""
    catalogue, store = _open(settings)
    models = _named(catalogue, names) if names else configured(catalogue, settings)
    for model in models:
        check_licence(model, settings.license_policy)
    paths = store.paths(models)
    if served:  # asked only now: a dialect may use what is here
        models = list({model.name: model for model in (*models, *serving(catalogue, settings))}.values())
        paths = store.paths(models)
    if to is not None:
        paths = [_copy(path, to / model.file) for model, path in zip(models, paths, strict=True)]
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
            {"name": model.name, "path": str(copy.path), copy.found.algorithm: copy.found.digest, "intact": copy.intact}
            for model, copy in copies
        ]
        print_json({"files": records, "absent": absent})
    else:
        for model, copy in copies:
            typer.echo(f"{'ok   ' if copy.intact else 'WRONG'} {model.name}: {copy.path}")
            if not copy.intact:
                algorithm, digest = copy.found
                typer.echo(
                    f"      its {algorithm} is {digest or 'unreadable'}, the catalogue says {copy.wanted.digest}"
                )
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
    print_facts(facts_of(model, found))


app.command(epilog=EXIT_CODES)(build.build)
app.command(epilog=quantize.EXIT_CODES)(quantize.quantize)


def configured(catalogue: Catalogue, settings: Settings) -> list[Model]:
    """The networks that the settings choose and this version can run.

    Raises:
        UnknownModel: The settings name a pack or network that is not there.
    """
    from vultus.profiles import default_profile, models_of  # with them comes the image library

    return models_of([default_profile(settings, catalogue)], catalogue)


def serving(catalogue: Catalogue, settings: Settings) -> list[Model]:
    """The networks that a server with these settings loads at its start.

    Raises:
        VultusError: The settings name a network or an engine that is not there.
    """
    from vultus.engine import FaceEngine  # and the server: few commands here need them
    from vultus.profiles import models_of
    from vultus.server.dialects import served_profiles

    with FaceEngine(settings) as engine:
        return models_of(served_profiles(engine), catalogue)


def _copy(path: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, place))


def _open(settings: Settings) -> tuple[Catalogue, Store]:
    return open_catalogue(settings), Store.from_settings(settings)


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


def _summary(model: Model, found: Path | None) -> dict[str, object]:
    return {
        "name": model.name,
        "aliases": model.aliases,
        "task": model.task,
        "family": model.family,
        "size": model.size,
        "sha256": model.sha256,
        "md5": model.md5,
        "name_only": model.checksum is None,
        "licence": model.licence,
        "commercial_use": model.commercial_use,
        "path": str(found) if found else None,
    }
