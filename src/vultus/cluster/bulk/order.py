"""What is to be done, in a form that can be sent to another process or machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from vultus.cluster.bulk.schema import Vectors
from vultus.cluster.bulk.units import Shard
from vultus.engine import FaceEngine
from vultus.errors import ResumeRefused
from vultus.profiles import models_of
from vultus.settings import Settings
from vultus.types import Plan, Profile

_LIMITS = ("max_picture_bytes", "max_picture_pixels", "max_jpeg_scans", "max_picture_faces")


@dataclass(frozen=True, slots=True)
class Order:
    """How every picture is looked at, and where its rows go.

    Attributes:
        settings: Of the engines.
        plan: What is asked of each picture.
        profile: How it is done.
        models: Of each network what it is: see ``networks``.
        folder: Where parts are written.
        shard: Which pictures.
        part_size: Pictures of a part.
        vectors: How embeddings are kept.
        readers: Pictures that one process reads at once.
    """

    settings: Settings
    plan: Plan
    profile: Profile
    models: Mapping[str, Mapping[str, str | None]]
    folder: Path
    shard: Shard
    part_size: int
    vectors: Vectors
    readers: int

    def check(self, engine: FaceEngine) -> None:
        """See to it that an engine, maybe on another machine, has the very networks that are meant.

        Raises:
            ResumeRefused: It has not.
        """
        here = networks(engine, self.profile)
        if here != self.models:
            names = [name for name in here if here[name] != self.models.get(name)]
            raise ResumeRefused(f"this machine has other files of {', '.join(names)} than the one that began")

    def choices(self, engine: FaceEngine) -> dict[str, object]:
        """All that the rows depend on beside pictures and networks, as JSON can hold it."""
        profile = asdict(self.profile)
        return {
            "runtime": engine.runtime.name,
            "profile": profile | {"exchanged": sorted(self.profile.exchanged)},
            "attributes": sorted(self.plan.attributes),
            "max_faces": self.plan.max_faces,
            "min_face_size": self.plan.min_face_size,
            **{name: int(getattr(self.settings, name)) for name in _LIMITS},
            "vectors": self.vectors,
            "part_size": self.part_size,
        }


def networks(engine: FaceEngine, profile: Profile) -> dict[str, dict[str, str | None]]:
    """Of each network of a profile the sha256 of the file that is really loaded, and the arithmetic.

    Raises:
        ModelError: A file cannot be had.
    """
    return {
        model.name: {
            "sha256": _sha256(engine.path(model)) if engine.runtime.needs_files else model.sha256,
            "precision": engine.precision(model.name),
        }
        for model in models_of([profile], engine.catalogue)
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
