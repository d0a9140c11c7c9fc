"""Which networks a service that moves here would use, and whether their files are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vultus.cli.model_facts import megabytes
from vultus.cli.models import configured
from vultus.errors import UnknownModel, VultusError
from vultus.settings import Settings, load_settings, variable_of
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.licence import check_licence
from vultus.zoo.own import open_catalogue
from vultus.zoo.store import Store

if TYPE_CHECKING:
    from vultus.cli.compose import Service

_CHOICES = ("pack", "detector", "embedder", "attributes", "license_policy", "offline")


@dataclass(frozen=True, slots=True)
class Weight:
    """A network's file.

    Attributes:
        name: The network.
        size: As a table shows it.
        licence: What may be done with it.
        path: Where it is on this machine; ``None`` where it is not.
        can_be_fetched: Whether it would be fetched, as it is not here.
    """

    name: str
    size: str
    licence: str
    path: str | None
    can_be_fetched: bool

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """For a table."""
        missing = "missing: fetched at the first start" if self.can_be_fetched else "missing, and cannot be fetched"
        return self.name, self.size, self.licence, self.path or missing


def check_weights(values: Mapping[str, Any], service: Service) -> tuple[list[Weight], list[str], list[str]]:
    """The networks that settings choose.

    Args:
        values: The settings.
        service: Tells which of the machine's folders it sees.

    Returns:
        The networks, what is to be noted, and what prevents their use.
    """
    settings = load_settings(
        **{name: values[name] for name in _CHOICES if name in values},
        model_path=(*load_settings().model_path, *_folders(values, service)),
    )
    catalogue, store = open_catalogue(settings), Store.from_settings(settings)
    known, problems = _known(settings, catalogue)
    notes: list[str] = []
    try:
        plugins, notes = _plugins(values.get("compreface_plugins", ()), catalogue)
        models = [*configured(catalogue, known), *plugins]
    except VultusError as error:
        return [], notes, [*problems, error.message]
    weights = []
    for model in {model.name: model for model in models}.values():
        path = store.present(model)
        can_be_fetched = path is None and store.may_fetch(model)
        weights.append(Weight(model.name, megabytes(model), model.licence, str(path) if path else None, can_be_fetched))
        if path is None and not can_be_fetched:
            problems.append(
                f"{model.name} is not here, and cannot be fetched: put it into a folder of VULTUS_MODEL_PATH"
            )
        try:
            check_licence(model, settings.license_policy)
        except VultusError as error:
            problems.append(error.message)
    return weights, notes, problems


def _folders(values: Mapping[str, Any], service: Service) -> list[str]:
    paths = values.get("model_path", ())
    inside = load_settings(model_path=paths).model_path if paths else ()
    return [str(service.outside(str(folder)) or folder) for folder in inside]


def _known(settings: Settings, catalogue: Catalogue) -> tuple[Settings, list[str]]:
    """The settings without networks that are not in the catalogue, and a sentence about each of those."""
    problems: list[str] = []

    def is_known(setting: str, name: str | None) -> bool:
        try:
            return name is not None and bool(catalogue.model(name))
        except UnknownModel as error:
            problems.append(f"{variable_of(setting)}: {error.message}")
            return False

    update: dict[str, Any] = {
        setting: name if is_known(setting, name := getattr(settings, setting)) else None
        for setting in ("detector", "embedder")
    }
    update["attributes"] = tuple(name for name in settings.attributes if is_known("attributes", name))
    return settings.model_copy(update=update), problems


def _plugins(names: Iterable[str], catalogue: Catalogue) -> tuple[list[Model], list[str]]:
    """Networks of CompreFace's plugins, and which are played by others."""
    if isinstance(names, str):
        names = names.split(",")
    models, notes = [], []
    for text in names:
        original = _original(text)
        if original is None:
            continue
        if catalogue.knows(original) and (model := catalogue.model(original)).checksum:
            models.append(model)
        else:
            notes.append(f"{text}: its network {original} cannot be had; another stands in, or it is left out")
    return models, notes


def _original(text: str) -> str | None:
    from vultus.server.dialects.compreface.names import parse  # with it comes the server

    return parse(text.strip()).original
