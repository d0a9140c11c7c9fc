"""Which pictures a command was given: files, folders and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vultus.errors import PictureError, PictureUnreachable
from vultus.imaging.sniff import is_picture_name

STDIN = "-"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture to work on, or why there is none. A file that is named twice is two pictures.

    Attributes:
        name: The path as the user would write it; ``-`` is standard input.
        place: Its path below the folder that was named; its file name where it was named itself.
        error: What is wrong before anything was read.
    """

    name: str
    place: Path
    error: PictureError | None = None


def gather(names: Sequence[str], *, recursive: bool = False) -> list[Picture]:
    """The pictures behind names of files and folders, in the order given, folders sorted.

    A name without a picture behind it becomes a ``Picture`` that carries its error.
    """
    return [picture for name in names for picture in _behind(name, recursive)]


class Reader:
    """Hands pictures to the engine, and their bytes to who needs them again.

    What can be read only once (standard input, a pipe) is kept; files are read by the engine and opened anew.

    Args:
        limit: Largest encoded picture in bytes; one byte more is read, so that a larger one is refused as such.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._streams: dict[str, bytes] = {}

    def source(self, picture: Picture) -> bytes | Path:
        """The picture as the engine takes it."""
        path = Path(picture.name)
        if picture.name != STDIN and (path.is_file() or not path.exists()):
            return path
        if picture.name not in self._streams:
            self._streams[picture.name] = self._read(picture.name)
        return self._streams[picture.name]

    def again(self, picture: Picture) -> bytes:
        """The bytes of a picture that the engine has been given.

        Raises:
            PictureUnreachable: The file has gone since.
        """
        try:
            return self._streams.get(picture.name) or self._read(picture.name)
        except OSError as error:
            raise PictureUnreachable(f"cannot be read: {error.strerror or error}") from error

    def _read(self, name: str) -> bytes:
        if name == STDIN:
            return sys.stdin.buffer.read(self._limit + 1)
        with Path(name).open("rb") as file:
            return file.read(self._limit + 1)


def _behind(name: str, recursive: bool) -> Iterator[Picture]:
    path = Path(name)
    if name == STDIN:
        yield Picture(name, Path("stdin"))
    elif path.is_dir():
        found = sorted(_files(path, recursive))
        if not found:
            hint = "" if recursive else "; --recursive looks into its folders too"
            yield Picture(name, Path("folder"), PictureUnreachable(f"there is no picture in this folder{hint}"))
        for file in found:
            yield Picture(str(file), file.relative_to(path))
    elif not os.path.lexists(path):
        yield Picture(name, Path(path.name), PictureUnreachable("there is no such file or folder"))
    else:
        yield Picture(name, Path(path.name))


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    """Picture files of a folder; hidden ones are left out, as the shell does."""
    for where, folders, files in os.walk(folder):
        folders[:] = [inner for inner in folders if recursive and not inner.startswith(".")]
        for file in files:
            path = Path(where, file)
            if is_picture_name(file) and path.is_file():
                yield path
