"""What is to be indexed: folders, globs, archives, tables and single pictures, here or on a remote store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from vultus.cluster.bulk import archives, tables
from vultus.cluster.bulk.stores import Entry, Place, Stores
from vultus.errors import SourceInvalid
from vultus.imaging.sniff import is_picture_name

_WILD = frozenset("*[")
_WILD_HERE = frozenset("*?[")  # of an address ? begins what says how to reach the store


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by itself.

    Attributes:
        id: What it is called in the output.
        place: Where it is.
        size: In bytes; 0 where that was not told.
    """

    id: str
    place: Place
    size: int = 0


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar archive of pictures.

    Attributes:
        id: What it is called in the output; its pictures are called ``<id>/<member>``.
        place: Where it is.
        size: In bytes.
    """

    id: str
    place: Place
    size: int = 0


Found: TypeAlias = Picture | Archive


class Sources:
    """Lists what is to be indexed, always in the same order. Anew each time it is asked: a list may outgrow memory.

    Args:
        names: Paths and addresses of folders, archives, tables and pictures, or patterns of such (``*``, ``?``,
            ``[a-z]``, and ``**`` for any number of folders).
        columns: How tables are read.
        stores: Where they are.
    """

    def __init__(self, names: Sequence[str], columns: tables.Columns, stores: Stores) -> None:
        self.names = tuple(names)
        self._columns = columns
        self._stores = stores

    def __iter__(self) -> Iterator[Found]:
        """Everything, source by source, folders in the order of their names.

        Raises:
            SourceInvalid: A source is not there, cannot be listed, or holds no picture.
        """
        for name in self.names:
            nothing = True
            for entry in self._named(name):
                for found in self._in(entry):
                    nothing = False
                    yield found
            if nothing:
                raise SourceInvalid(f"there is no picture in {name}; of a folder only pictures count, not archives")

    def _named(self, name: str) -> Iterator[Entry]:
        place = Place.parse(name)
        entry = self._stores.look(place)
        if entry is not None:  # also one that is really called [so]
            yield entry
        elif _WILD_HERE.isdisjoint(place.path) if not place.store else _WILD.isdisjoint(place.path):
            raise SourceInvalid(f"there is no file or folder {name}")
        else:
            top = Place(place.store, "/" if place.path.startswith("/") else "")
            yield from self._matches(top, [part for part in place.path.split("/") if part])

    def _matches(self, folder: Place, parts: Sequence[str]) -> Iterator[Entry]:
        """What matches a pattern, part by part; as in the shell, hidden files do only if the pattern says so."""
        part, rest = parts[0], parts[1:]
        if part == "**":
            if rest:
                yield from self._matches(folder, rest)
            for entry in self._stores.entries(folder):
                if entry.is_folder and not entry.name.startswith("."):
                    yield from self._matches(entry.place, parts)
                elif not rest and not entry.name.startswith("."):
                    yield entry
        elif _WILD_HERE.isdisjoint(part):
            there = self._stores.look(folder.below(part))
            if there is not None:
                yield from self._matches(there.place, rest) if rest else [there]
        else:
            for entry in self._stores.entries(folder):
                if fnmatchcase(entry.name, part) and entry.name.startswith(".") == part.startswith("."):
                    if not rest:
                        yield entry
                    elif entry.is_folder:
                        yield from self._matches(entry.place, rest)

    def _in(self, entry: Entry) -> Iterator[Found]:
        name = entry.place.path.lower()
        if entry.is_folder:
            yield from self._walk(entry.place)
        elif name.endswith(archives.SUFFIXES):
            yield Archive(entry.place.name, entry.place, entry.size)
        elif name.endswith(tables.SUFFIXES):
            for own, place in tables.rows(entry.place, self._columns, self._stores):
                yield Picture(own, place)
        else:
            yield _picture(entry)

    def _walk(self, folder: Place) -> Iterator[Picture]:
        """Pictures in a folder and the folders below it; hidden ones are left out, as the shell does."""
        open_folders = [iter(self._stores.entries(folder))]
        while open_folders:  # not by recursion: folders may lie deeper than Python's stack
            entry = next(open_folders[-1], None)
            if entry is None:
                open_folders.pop()
            elif entry.is_folder and not entry.name.startswith("."):
                open_folders.append(iter(self._stores.entries(entry.place)))
            elif not entry.is_folder and is_picture_name(entry.name):
                yield _picture(entry)


class Survey:
    """What a listing comes to, without keeping it.

    Attributes:
        pictures: Pictures by themselves.
        archives: Archives, each of an unknown number of pictures.
        archive_bytes: Of all archives together.
    """

    def __init__(self) -> None:
        self.pictures = self.archives = self.archive_bytes = 0
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """sha256 over ids and sizes, in order."""
        return self._digest.hexdigest()

    def watch(self, listing: Iterable[Found]) -> Iterator[Found]:
        """The listing, counted as it goes by."""
        for found in listing:
            self._digest.update(f"{found.id}\0{found.size}\n".encode("utf-8", "replace"))
            if isinstance(found, Archive):
                self.archives += 1
                self.archive_bytes += found.size
            else:
                self.pictures += 1
            yield found


def _picture(entry: Entry) -> Picture:
    return Picture(entry.place.name, entry.place, entry.size)
