"""An embedder that is named by its file: any ONNX network of ArcFace's shape, without a catalogue entry."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vultus.errors import SettingsError
from vultus.settings import Settings
from vultus.types import CropSpec, InputSpec
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.store import digest_of

_SIDE = 112
_CENTRE = 127.5
_NO_NAME = re.compile(r"[^A-Za-z0-9._+-]+")


def open_catalogue(settings: Settings) -> Catalogue:
    """The catalogue that the settings describe, with the embedder that they name by its file, if they do.

    Raises:
        CatalogueError: A catalogue file cannot be read or is malformed.
        SettingsError: The embedder's file is not there.
    """
    catalogue = Catalogue.load(settings.models)
    if settings.embedder is None or not is_file_name(settings.embedder):
        return catalogue
    return catalogue.adding(own_embedder(Path(settings.embedder), catalogue), settings.embedder)


def is_file_name(name: str) -> bool:
    """Whether what should be a network's name is that of a file."""
    return name.endswith(".onnx") or "/" in name or os.sep in name


def own_embedder(path: Path, catalogue: Catalogue) -> Model:
    """The entry of a network in a file: one of 112 x 112 pixels, RGB from -1 to 1, aligned as ArcFace's are.

    If the catalogue knows a network of this sha256, it is that one. Otherwise its name is that of the file, its licence
    is not stated, and the embedding is as long as it answers. A network that wants other pixels needs an entry in a
    catalogue file.

    Raises:
        SettingsError: It cannot be read.
    """
    try:
        sha256, size = digest_of(path, "sha256"), path.stat().st_size
    except OSError as error:
        raise SettingsError(f"embedder: the file {path} cannot be read: {error.strerror}.", limit="embedder") from error
    place = str(path.absolute())
    known = next((model for model in catalogue.models if model.sha256 == sha256 and model.task == "embedding"), None)
    if known is not None:
        return known.at(place)
    stem = _NO_NAME.sub("_", path.stem).lstrip("._+-") or "embedder"
    name = f"{stem}-{sha256[:8]}" if catalogue.knows(stem) else stem
    return Model(
        name=name,
        task="embedding",
        family="arcface",
        file=place,  # an absolute path stands for itself, whichever folder it is looked for in
        sha256=sha256,
        size=size,
        licence="not stated",
        source_project="not stated",
        sources=(),
        input=InputSpec(_SIDE, _SIDE, mean=(_CENTRE,) * 3, std=(_CENTRE,) * 3),
        crop=CropSpec("template", _SIDE),
        note="Named by its file.",
    )
