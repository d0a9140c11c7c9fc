"""Parts of the output: files that are there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pyarrow import ArrowException, parquet

from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Part
from vultus.errors import OutputUnwritable
from vultus.outputs import writing_to

COUNTS_KEY = "vultus.counts"
_NAME = re.compile(r"part-(\d{6,})-(\d{6,})\.parquet", re.ASCII)
_TEMPORARY = ".writing-"


def file_name(part: Part) -> str:
    """What a part's file is called; by name they are in the order of their units."""
    return f"part-{part.unit:06}-{part.chunk:06}.parquet"


class PartFile:
    """A part that is being written, under a name that readers of the folder pass over.

    Args:
        folder: Of the output.
        schema: Its columns.

    Raises:
        OutputUnwritable: It cannot be written; so do all methods.
    """

    def __init__(self, folder: Path, schema: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._folder = folder
        # A name of its own: where work is done twice, as by Ray after a node was lost, both may be at it.
        self._temporary = folder / f"{_TEMPORARY}{uuid.uuid4().hex}"
        with writing_to(self._folder):
            self._file = self._temporary.open("wb")
            self._writer = parquet.ParquetWriter(
                self._file, schema, compression="zstd", use_dictionary=["picture", "error", "message"]
            )

    def write(self, batch: Any) -> None:  # noqa: ANN401
        """Add rows."""
        with writing_to(self._folder):
            self._writer.write_batch(batch)

    def commit(self, part: Part, tally: Tally, *, is_last: bool) -> None:
        """Make it a part of the output, for good.

        Args:
            part: Which.
            tally: What is in it.
            is_last: Whether its unit has no more parts.
        """
        with writing_to(self._folder):
            self._writer.add_key_value_metadata(
                {COUNTS_KEY: orjson.dumps(tally.record() | {"is_last": is_last}).decode()}
            )
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._folder / file_name(part))
            sync_folder(self._folder)

    def discard(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(OSError, ValueError, ArrowException):  # a disk that is full, say
            self._writer.close()
        self._file.close()
        self._temporary.unlink(missing_ok=True)


@dataclass(slots=True)
class Committed:
    """What an output folder holds.

    Attributes:
        chunks: By unit, the chunks that are there.
        whole: Units all of whose parts are there.
        tally: What is in them.
        parts: How many there are.
    """

    chunks: dict[int, set[int]] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    parts: int = 0

    @classmethod
    def scan(cls, folder: Path) -> Committed:
        """Read what the parts of a folder say of themselves.

        Raises:
            OutputUnwritable: One of them is no part of an index.
        """
        found = cls()
        ends: dict[int, int] = {}
        for path in folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                part = Part(int(match[1]), int(match[2]))
                tally, is_last = _counts(path)
                found.chunks.setdefault(part.unit, set()).add(part.chunk)
                found.tally += tally
                found.parts += 1
                if is_last:
                    ends[part.unit] = part.chunk
        found.whole = {unit for unit, end in ends.items() if found.chunks[unit] == set(range(end + 1))}
        return found


def remove_unfinished(folder: Path) -> None:
    """Remove what a run that was killed had begun to write."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place whole, or not at all, whatever happens meanwhile.

    Raises:
        OutputUnwritable: It cannot be written.
    """
    temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    with writing_to(path):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See to it that what was renamed in a folder stays so if the machine stops now."""
    if os.name == "nt":  # there a folder cannot be opened
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _counts(path: Path) -> tuple[Tally, bool]:
    try:
        with parquet.ParquetFile(path) as file:
            record = orjson.loads(file.metadata.metadata[COUNTS_KEY.encode()])
        is_last = record.pop("is_last")
        return Tally.of(record), bool(is_last)
    except (OSError, ValueError, KeyError, TypeError, ArrowException) as error:
        raise OutputUnwritable(f"{path} is no part of an index; remove it, or name another folder") from error
