"""Counts of what has been done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(slots=True)
class Tally:
    """What became of pictures.

    Attributes:
        pictures: How many were looked at, those that failed included.
        faces: Faces found.
        empty: Pictures that show no face.
        errors: Pictures that could not be used, by the error's code.
        archived: Pictures of archives that have been read to their end.
        archive_bytes: Size of these archives.
    """

    pictures: int = 0
    faces: int = 0
    empty: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    archived: int = 0
    archive_bytes: int = 0

    @property
    def failed(self) -> int:
        """Pictures that could not be used."""
        return self.errors.total()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """From what ``record`` made."""
        return cls(**{**record, "errors": Counter(record["errors"])})

    def record(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"errors": dict(self.errors)}

    def __iadd__(self, other: Tally) -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self
