"""Pictures that clients name instead of sending them: files below a folder, and http(s) addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from vultus.errors import PictureTooLarge, PictureUnreachable
from vultus.settings import Settings

if TYPE_CHECKING:
    from vultus.imaging.download import Downloader

_SCHEMES = ("http://", "https://")
_PART = 2**20  # bytes of a file that are read at once
_NO_SUCH_FILE = "there is no readable picture file of this name below image_root"


@dataclass(slots=True)
class Fetcher:
    """Gets the bytes of named pictures. To be used on one event loop and closed there.

    Attributes:
        settings: Where pictures may come from (``image_root``, ``fetch_urls``, ``fetch_schemes``, ``fetch_hosts``,
            ``fetch_private``) and what they may cost (``fetch_timeout``, ``max_picture_bytes``). As many are downloaded
            at once as one request may have (``max_request_pictures``).
    """

    settings: Settings
    _downloader: Downloader | None = field(default=None, init=False, repr=False)

    async def fetch(
        self, name: str, headers: Mapping[str, str] | None = None, count: Callable[[int], None] = lambda _: None
    ) -> bytes:
        """The bytes behind a name, tried once: whoever named it knows best whether to try again.

        Args:
            name: An address where it begins with ``http://`` or ``https://``; else a file below ``image_root``.
            headers: Sent with the request for an address. Those that govern the connection itself (``Host``,
                ``Content-Length`` and the like) are left out.
            count: Told the length of each part of the picture before it is kept, maybe on another thread; what it
                raises ends the fetch.

        Raises:
            PictureUnreachable: Names of this kind are switched off, or nothing can be had under it. Whether a file is
                missing or lies outside the folder is not told.
            PictureTooLarge: There are more bytes than ``max_picture_bytes``.
        """
        if not name.startswith(_SCHEMES):
            return await asyncio.to_thread(self._read, name, count)
        if not self.settings.fetch_urls:
            raise PictureUnreachable("pictures are not fetched from addresses here; set fetch_urls to allow it")
        headers = headers or {}
        _check_headers(headers)
        return await self._connect().download(name, headers, count)

    async def aclose(self) -> None:
        """Close all connections; the next ``fetch`` would open new ones."""
        if self._downloader is not None:
            downloader, self._downloader = self._downloader, None
            await downloader.aclose()

    def _connect(self) -> Downloader:
        if self._downloader is None:
            from vultus.imaging.download import Downloader  # a quarter of a second most servers never need

            self._downloader = Downloader(
                allow_private=self.settings.fetch_private,
                schemes=self.settings.fetch_schemes,
                hosts=self.settings.fetch_hosts,
                timeout=self.settings.fetch_timeout,
                max_bytes=self.settings.max_picture_bytes,
                connections=self.settings.max_request_pictures,
            )
        return self._downloader

    def _read(self, name: str, count: Callable[[int], None]) -> bytes:
        folder, max_bytes = self.settings.image_root, self.settings.max_picture_bytes
        if folder is None:
            raise PictureUnreachable("pictures are not read from files here; set image_root to allow it")
        try:
            root = folder.resolve(strict=True)
            path = (root / name).resolve(strict=True)  # the file itself, behind all symbolic links
            if not path.is_relative_to(root) or not path.is_file():
                raise PictureUnreachable(_NO_SUCH_FILE)
            with path.open("rb") as file:
                return _read_parts(file, max_bytes, count)
        except (
            OSError,
            ValueError,
            RuntimeError,
        ) as error:  # ValueError: NUL in the name; RuntimeError: a loop of links
            raise PictureUnreachable(_NO_SUCH_FILE) from error


def _read_parts(file: BinaryIO, max_bytes: int, count: Callable[[int], None]) -> bytes:
    data = bytearray()
    while part := file.read(_PART):
        if len(data) + len(part) > max_bytes:
            raise PictureTooLarge(
                f"the picture file has more bytes than max_picture_bytes ({max_bytes}) allows",
                limit="max_picture_bytes",
            )
        count(len(part))
        data += part
    return bytes(data)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise PictureUnreachable(f"{name!r} is no name of a header to fetch a picture with")
        if not value.isascii() or not value.isprintable():
            raise PictureUnreachable(f"the value of the header {name} may hold printable ASCII characters only")
