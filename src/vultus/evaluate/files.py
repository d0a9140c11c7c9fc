"""Reading files of ground truth, with errors that name the file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson

from vultus.errors import GroundTruthError


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        GroundTruthError: It cannot be read, or is no text.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise GroundTruthError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GroundTruthError(f"{path} is not UTF-8 text") from error


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """A JSON file's content.

    Raises:
        GroundTruthError: It cannot be read, or is not JSON.
    """
    try:
        return orjson.loads(read_text(path))
    except orjson.JSONDecodeError as error:
        raise GroundTruthError(f"{path} is not JSON: {error}") from error


def read_rows(path: Path, column: str = "path") -> list[dict[str, str]]:
    """Rows of a CSV file by the names in its first line, values stripped.

    Args:
        path: The file.
        column: A column that must be there.

    Raises:
        GroundTruthError: It cannot be read, or the column is missing.
    """
    reader = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True, restkey="", restval="")
    if column not in (reader.fieldnames or ()):
        raise GroundTruthError(f"{path}: the first line must name the columns, `{column}` among them")
    return [{name: value.strip() for name, value in row.items() if name} for row in reader]


def check_folder(folder: Path) -> None:
    """Make sure that there is a folder.

    Raises:
        GroundTruthError: There is none.
    """
    if not folder.is_dir():
        raise GroundTruthError(f"{folder}: there is no such folder")
