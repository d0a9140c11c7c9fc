"""Int8 forms of networks, made on this machine from files of the catalogue: named by their source, always verified."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from vultus.outputs import writing_to
from vultus.settings import Settings
from vultus.zoo.catalogue import Model
from vultus.zoo.store import digest_of

log = logging.getLogger(__name__)

PRECISION = "int8"
"""What the setting ``precision`` calls it."""

_SOURCE_DIGITS = 12  # hex digits of the source's hash that stand in a file's name


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an int8 file; stands beside it as JSON.

    Attributes:
        model: Catalogue name of the network.
        source: Checksum of the file it was made from, ``algorithm:digest``.
        sha256: Of the int8 file itself.
        rows: Inputs it was calibrated on.
        drift: How far its answers are from those of its source, and the limits that they had to keep.
        versions: Of what made it.
    """

    model: str
    source: str
    sha256: str
    rows: int
    drift: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


_RECORD = TypeAdapter(Record)


class Quantized:
    """Where int8 files are kept and found. What was found once is not looked for again.

    Args:
        folders: Where they are looked for, in order; the first is the one they are kept in.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._found: dict[str, Path | None] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """In the cache, then in the folders of ``model_path``."""
        return cls((settings.model_cache, *settings.model_path))

    def find(self, model: Model) -> Path | None:
        """A verified int8 file made from the very file of the catalogue's entry; others are passed over."""
        if model.name not in self._found:
            places = (folder / file_name(model) for folder in self._folders) if model.checksum else ()
            self._found[model.name] = next((path for path in places if _is_intact(path, model)), None)
        return self._found[model.name]

    def keep(self, file: Path, record: Record, model: Model) -> Path:
        """Move a file and what is known of it to where it will be found.

        Each is replaced at once; who reads between the two finds a pair that does not fit, and passes it over.

        Raises:
            OutputUnwritable: The folder cannot be written.
        """
        place = self._folders[0] / file_name(model)
        with writing_to(place):
            file.replace(place)
            with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as draft:
                draft.write(_RECORD.dump_json(record, indent=2) + b"\n")
            Path(draft.name).chmod(place.stat().st_mode)
            Path(draft.name).replace(_record_of(place))
        self._found[model.name] = place
        return place


def file_name(model: Model) -> str:
    """Name of a network's int8 file, which tells from which source it was made."""
    return f"{model.name}-{model.checksum.digest[:_SOURCE_DIGITS] if model.checksum else ''}-{PRECISION}.onnx"


def source_of(model: Model) -> str:
    """What a ``Record`` says of the file an int8 form of this network is made from."""
    return ":".join(model.checksum or ())


def read_record(path: Path) -> Record | None:
    """What is known of an int8 file; ``None`` where that cannot be read."""
    try:
        return _RECORD.validate_json(_record_of(path).read_bytes())
    except (OSError, ValidationError):
        return None


def _record_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _is_intact(path: Path, model: Model) -> bool:
    if not os.path.lexists(path):
        return False
    record = read_record(path)
    try:
        intact = record is not None and (record.source, record.sha256) == (source_of(model), digest_of(path, "sha256"))
    except OSError:
        intact = False
    if not intact:
        log.warning("passing over %s: it is not what %s says it is", path, _record_of(path).name)
    return intact
