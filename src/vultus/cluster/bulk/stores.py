"""Where pictures lie: this machine's files, and the file systems that pyarrow reaches (``s3://``, ``gs://`` ...)."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from pyarrow import fs

from vultus.errors import PictureUnreachable, SourceInvalid
from vultus.imaging.source import read_file

FETCHED = "fetched"
"""Stands for a store: what lies there has a name that ``imaging.fetch.Fetcher`` knows what to do with."""

OpenStore: TypeAlias = Callable[[str], tuple[Any, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes are.

    Attributes:
        store: ``""``: a file of this machine. ``FETCHED``. Else the address of a file system, as pyarrow opens it.
        path: Within the store.
    """

    store: str
    path: str

    @classmethod
    def parse(cls, address: str) -> Place:
        """What an address or path names; ``?name=value`` after an address says how to reach the store."""
        scheme, found, rest = address.partition("://")
        if not found:
            return cls("", address)
        rest, _, query = rest.partition("?")
        authority, _, path = rest.partition("/")
        return cls(f"{scheme}://{authority}/" + (f"?{query}" if query else ""), path)

    @property
    def name(self) -> str:
        """As a person would write it, in text that can be stored: bytes that are not UTF-8 are replaced."""
        if self.store in ("", FETCHED):
            return os.fsencode(self.path).decode("utf-8", "replace")
        return self.store.partition("?")[0] + self.path

    def below(self, name: str) -> Place:
        """What is called so in this folder."""
        glue = "" if not self.path or self.path.endswith("/") else "/"
        return replace(self, path=f"{self.path}{glue}{name}")

    @property
    def parent(self) -> Place:
        """The folder it is in."""
        head, slash, _ = self.path.rpartition("/")
        return replace(self, path=head or slash)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder.

    Attributes:
        place: Where it is.
        is_folder: Whether it is a folder.
        size: Of a file, in bytes.
    """

    place: Place
    is_folder: bool
    size: int = 0

    @property
    def name(self) -> str:
        """Its own name, without the folders above it."""
        return self.place.path.rpartition("/")[2]


class Stores:
    """File systems, each opened once. Safe to use from many threads.

    Args:
        open_store: Opens a file system by its address, and tells the path in it that the address stands for.
    """

    def __init__(self, open_store: OpenStore = fs.FileSystem.from_uri) -> None:
        self._open_store = open_store
        self._opened: dict[str, tuple[Any, str]] = {}
        self._lock = threading.Lock()

    def look(self, place: Place) -> Entry | None:
        """What is there; ``None``: nothing.

        Raises:
            SourceInvalid: The store cannot be reached.
        """
        if not place.store:
            try:
                known = Path(place.path).stat()
            except (OSError, ValueError):
                return None
            return Entry(place, stat.S_ISDIR(known.st_mode), known.st_size)
        try:
            system, path = self._resolve(place)
            return self._entry(place, system.get_file_info(path))
        except (OSError, ValueError) as error:
            raise SourceInvalid(f"{place.name} cannot be reached: {error}") from error

    def entries(self, folder: Place) -> list[Entry]:
        """Files and folders in a folder, by name. Links to folders are left out: they might lead in circles.

        Raises:
            SourceInvalid: It cannot be listed.
        """
        try:
            if folder.store:
                system, path = self._resolve(folder)
                infos = system.get_file_info(fs.FileSelector(path))
                found = [self._entry(folder.below(info.base_name), info) for info in infos]
            else:
                with os.scandir(folder.path or ".") as entries:
                    found = [_local(folder, entry) for entry in entries]
        except (OSError, ValueError) as error:
            raise SourceInvalid(f"{folder.name} cannot be listed: {error}") from error
        return sorted((entry for entry in found if entry), key=lambda entry: entry.name)

    def open(self, place: Place) -> BinaryIO:
        """A file, to be read from its first byte to its last.

        Raises:
            OSError, ValueError: It cannot be opened.
        """
        if not place.store:
            return Path(place.path).open("rb")  # the caller's to close
        system, path = self._resolve(place)
        stream: BinaryIO = system.open_input_file(path)
        return stream

    def read(self, place: Place, limit: int) -> bytes:
        """A file's bytes; of one that is larger than ``limit`` one byte more than that.

        Raises:
            PictureUnreachable: It cannot be read, or is no file but a device or a pipe, say.
        """
        try:
            if not place.store:
                if not stat.S_ISREG(Path(place.path).stat().st_mode):
                    raise PictureUnreachable(f"{place.name} is not a file")
                return read_file(place.path, limit)
            system, path = self._resolve(place)
            with system.open_input_stream(path, compression=None) as stream:
                content = bytearray()
                while part := stream.read(limit + 1 - len(content)):
                    content += part
                return bytes(content)
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise PictureUnreachable(f"{place.name} cannot be read: {told}") from error

    def _resolve(self, place: Place) -> tuple[Any, str]:
        with self._lock:
            if place.store not in self._opened:
                self._opened[place.store] = self._open_store(place.store)
            system, base = self._opened[place.store]
        return system, f"{base.rstrip('/')}/{place.path}".rstrip("/") or base

    def _entry(self, place: Place, info: Any) -> Entry | None:  # noqa: ANN401 - pyarrow has no types
        if info.type not in (fs.FileType.File, fs.FileType.Directory):
            return None
        return Entry(place, info.type == fs.FileType.Directory, info.size or 0)


def _local(folder: Place, entry: os.DirEntry[str]) -> Entry | None:
    place = folder.below(entry.name)
    try:
        if entry.is_dir(follow_symlinks=False):
            return Entry(place, is_folder=True)
        return Entry(place, is_folder=False, size=entry.stat().st_size) if entry.is_file() else None
    except OSError:  # it has gone since, or may not be looked at
        return None
