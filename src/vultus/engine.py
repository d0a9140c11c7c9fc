"""The walk: decode -> detect -> align -> embed + attributes, one picture on one worker thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeAlias

from vultus.errors import VultusError
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.settings import Settings
from vultus.types import Analysis, FloatArray, Image, Plan, Profile
from vultus.zoo.catalogue import Model

Source: TypeAlias = "Image | bytes | str | Path"


class FaceEngine:
    """Stub while the rooms are being filled."""

    settings: Settings
    workers: Workers
    default_profile: Profile

    def __init__(self, settings: Settings | None = None) -> None:
        raise RuntimeError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None: ...

    def model(self, name: str) -> Model:
        """The catalogue entry of a network this engine may use."""
        raise RuntimeError

    def prepare(self, *profiles: Profile) -> None:
        """Load every network the profiles name and run each once."""

    def submit(
        self, source: Source, plan: Plan | None = None, profile: Profile | None = None, ticket: Ticket | None = None
    ) -> Future[Analysis]:
        """Queue one picture; the future raises what the picture raises."""
        raise RuntimeError

    def analyze(self, source: Source, plan: Plan | None = None, profile: Profile | None = None) -> Analysis:
        raise RuntimeError

    def analyze_many(
        self, sources: Iterable[Source], plan: Plan | None = None, profile: Profile | None = None
    ) -> Iterator[Analysis | VultusError]:
        """In order; a picture that fails yields its error."""
        raise RuntimeError

    def detect(self, source: Source) -> Analysis:
        raise RuntimeError

    def embed_crops(self, crops: Sequence[Source]) -> FloatArray:
        """Embeddings of aligned crops, float32 (n, d), unit length."""
        raise RuntimeError

    def compare(self, first: Source, second: Source) -> float:
        """Cosine similarity of the largest faces."""
        raise RuntimeError
