"""Files at addresses: fetched, and taken up again where an earlier attempt was interrupted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vultus.zoo.progress import Report

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16


class SourceFailed(Exception):
    """A source did not give what it should; the next one may. The message says why, and holds no secrets."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a file is, and the cookies that have to be shown there."""

    url: str
    cookies: Mapping[str, str] = field(default_factory=dict)


def redact(text: str) -> str:
    """``text`` without passwords and query strings in the addresses it names."""
    text = re.sub(r"://[^/\s@]+@", "://", text)
    return re.sub(r"(https?://[^\s?'\"]+|url: [^\s?'\"]+)\?[^\s'\")]*", r"\1", text)


class _Part:
    """A file that a download is appended to, as far as the server agrees."""

    def __init__(self, file: IO[bytes], report: Report) -> None:
        self._file = file
        self._report = report
        self._total: int | None = None
        self._answers = contextlib.ExitStack()

    def begin(self, response: requests.Response, **_: object) -> None:
        """Called when the headers are there: 206 continues the file, 200 begins anew, the rest is an error."""
        self._answers.callback(response.close)
        if response.is_redirect:
            return  # hooks are called at every hop; the file is behind the last
        if response.ok and is_page(response):
            raise SourceFailed("it answered with a web page instead of the file")
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

    def close(self) -> None:
        """Let go of the connections: where writing fails, the downloader leaves them open."""
        self._answers.close()


def download(address: Address, part: Path, report: Report) -> None:
    """Fetch a file into ``part``, going on where an earlier attempt was interrupted as long as that gets further.

    Raises:
        SourceFailed: It cannot be had.
    """
    import requests  # here, because a server whose networks are cached never needs it

    while True:
        start = size_of(part)
        try:
            return _continue(address, part, start, report)
        except requests.HTTPError as error:
            if start and error.response is not None and error.response.status_code == 416:
                part.unlink()  # it is no shorter than the file there: not to be trusted
                continue
            raise failure(error) from error
        except requests.RequestException as error:
            if size_of(part) <= start:
                raise failure(error) from error


def _continue(address: Address, part: Path, start: int, report: Report) -> None:
    import pooch

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with part.open("ab") as file, contextlib.closing(_Part(file, report)) as sink:
        pooch.HTTPDownloader(
            chunk_size=_CHUNK, headers=headers, hooks={"response": sink.begin}, cookies=address.cookies
        )(address.url, sink, None)


def size_of(path: Path) -> int:
    """Length of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def failure(error: requests.RequestException) -> SourceFailed:
    """What went wrong with a request, in a few words: the innermost cause of what requests wraps twice."""
    import requests

    if isinstance(error, requests.HTTPError):
        return SourceFailed(str(error).partition(" for url")[0])
    if isinstance(error, requests.Timeout):
        return SourceFailed("it did not answer in time")
    cause = error.args[0] if error.args else error
    return SourceFailed(redact(str(getattr(cause, "reason", cause))).rpartition("): ")[2])


def is_page(response: requests.Response) -> bool:
    """Whether an answer is a web page."""
    return "text/html" in response.headers.get("Content-Type", "")
