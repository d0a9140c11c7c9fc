"""Tar archives of pictures, read from end to end as a stream; nothing of them is ever unpacked to disk."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeAlias

from vultus.errors import CorruptArchive, PictureUnreachable
from vultus.imaging.sniff import is_picture_name

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

MAX_DESCRIPTION = 2**20
"""Bytes that an archive may spend on saying what one member is called, and the like; they are held in memory."""

_DESCRIPTIONS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, b"L", b"K"})

Member: TypeAlias = tuple[str, Callable[[], bytes]]


def members(file: BinaryIO, limit: int) -> Iterator[Member]:
    """The pictures in an archive: name, and what reads the bytes, before the next one is asked for or not at all.

    Members are pictures if their names are (``is_picture_name``) and they are files: links and devices are passed over.

    Args:
        file: The archive, compressed or not.
        limit: Of a larger picture one byte more is read.

    Raises:
        CorruptArchive: It is damaged, or has no end, as one that was cut off.
        PictureUnreachable: It can be read no further.
    """
    try:
        watched: Any = _Watched(file)  # of a file a stream needs no more than this
        with tarfile.open(fileobj=watched, mode="r|*", tarinfo=_Header) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it would keep all of them
                if member.isreg() and is_picture_name(member.name.rpartition("/")[2]):
                    yield _text(member.name), _reader(archive, member, limit)
    except (GeneratorExit, MemoryError, CorruptArchive, PictureUnreachable):
        raise
    except Exception as error:  # the readers of compressed streams raise whatever they please
        raise CorruptArchive(f"the archive ends early or is damaged: {error}") from error


def _reader(archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> Callable[[], bytes]:
    def read() -> bytes:
        file = archive.extractfile(member)
        assert file  # it is a regular one
        try:
            return file.read(limit + 1)
        except PictureUnreachable:
            raise
        except Exception as error:
            raise CorruptArchive(f"the archive ends early or is damaged: {error}") from error

    return read


def _text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Header(tarfile.TarInfo):
    """A member's header. One that is damaged is an error; tarfile would take it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise CorruptArchive(f"the archive ends early or is damaged: {error}") from error
        if header.type in _DESCRIPTIONS and header.size > MAX_DESCRIPTION:
            raise CorruptArchive(f"the archive describes a member in more than {MAX_DESCRIPTION} bytes")
        return header


class _Watched:
    """A file whose own errors can be told from those of what is in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise PictureUnreachable(f"the archive can be read no further: {error}") from error
