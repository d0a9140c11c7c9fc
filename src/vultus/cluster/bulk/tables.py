"""CSV and Parquet files with a column that names pictures: by path, or by address."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import csv, parquet

from vultus.cluster.bulk.stores import FETCHED, Place, Stores
from vultus.errors import SourceInvalid

SUFFIXES = (".csv", ".parquet")

USUAL_COLUMNS = ("path", "url", "file", "image", "picture")
"""Taken, the first that is there, where no column is named and there are several."""

_ADDRESSES = ("http://", "https://")
_REMOTE = ("s3://", "gs://", "gcs://")
_ROWS = 10_000  # of a Parquet file that are read at once

_Texts: TypeAlias = tuple[Sequence[str | None], Sequence[str | None]]
"""Names of some rows, and their ids."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table is read.

    Attributes:
        name: Column that names the pictures; ``None``: the only one, or the first of ``USUAL_COLUMNS``.
        id: Column of the pictures' ids; ``None``: the names are the ids.
        is_rooted: Whether paths are names below ``image_root``; else they are relative to the table's folder.
    """

    name: str | None = None
    id: str | None = None
    is_rooted: bool = False


def rows(table: Place, columns: Columns, stores: Stores) -> Iterator[tuple[str, Place]]:
    """The id and place of each picture that a table names, row by row.

    Raises:
        SourceInvalid: The table cannot be read, or lacks a column.
    """
    read = _parquet if table.path.lower().endswith(".parquet") else _csv
    number = 0
    try:
        for names, ids in read(table, columns, stores):
            for name, own in zip(names, ids, strict=True):
                named = name or ""
                yield own or named or f"{table.name}:{number}", place_of(named, table, is_rooted=columns.is_rooted)
                number += 1
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceInvalid(f"{table.name} cannot be read: {error}") from error


def place_of(name: str, table: Place, *, is_rooted: bool) -> Place:
    """Where a picture is that a table names so. How a store is reached, a table cannot say."""
    if name.startswith(_ADDRESSES):
        return Place(FETCHED, name)
    if name.startswith(_REMOTE):
        scheme, _, rest = name.partition("://")
        bucket, _, path = rest.partition("/")
        return Place(f"{scheme}://{bucket.partition('?')[0]}/", path)
    if is_rooted:
        return Place(FETCHED, name)
    return Place(table.store, posixpath.join(table.parent.path, name))


def _csv(table: Place, columns: Columns, stores: Stores) -> Iterator[_Texts]:
    with stores.open(table) as file, csv.open_csv(file) as head:
        wanted = _choose(head.schema.names, table, columns)
    texts = csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    with stores.open(table) as file, csv.open_csv(file, convert_options=texts) as batches:
        for batch in batches:
            yield _texts(batch, wanted)


def _parquet(table: Place, columns: Columns, stores: Stores) -> Iterator[_Texts]:
    with stores.open(table) as file, parquet.ParquetFile(file) as content:
        wanted = _choose(content.schema_arrow.names, table, columns)
        for batch in content.iter_batches(_ROWS, columns=wanted):
            yield _texts(batch, wanted)


def _choose(there: Sequence[str], table: Place, columns: Columns) -> list[str]:
    """Names of the column that names pictures and, where wanted, of that of their ids."""
    name = columns.name or next((usual for usual in USUAL_COLUMNS if usual in there), None)
    if name is None and len(there) == 1:
        name = there[0]
    shown = ", ".join(there) or "none"
    if name is None:
        raise SourceInvalid(f"{table.name}: which column names the pictures? Say --column; there are {shown}")
    for column in (name, columns.id):
        if column is not None and column not in there:
            raise SourceInvalid(f"{table.name} has no column {column}; there are {shown}")
    return list(dict.fromkeys([name, *([columns.id] if columns.id else [])]))


def _texts(batch: Any, wanted: Sequence[str]) -> _Texts:  # noqa: ANN401 - pyarrow has no types
    first, last = (batch.column(name).cast(pa.string()).to_pylist() for name in (wanted[0], wanted[-1]))
    return first, last
