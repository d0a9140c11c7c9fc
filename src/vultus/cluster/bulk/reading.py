"""The bytes of pictures, wherever they lie."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Self

from vultus.cluster.bulk import archives
from vultus.cluster.bulk.sources import Archive, Picture
from vultus.cluster.bulk.stores import FETCHED, Place, Stores
from vultus.cluster.bulk.units import Shard
from vultus.errors import PictureError, PictureUnreachable
from vultus.imaging.fetch import Fetcher
from vultus.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """A picture that is to be read.

    Attributes:
        id: What it is called in the output.
        load: Reads its bytes; raises ``PictureError`` where they cannot be had.
        held: How many bytes of it are in memory already.
    """

    id: str
    load: Callable[[], bytes]
    held: int = 0


class Reader:
    """Reads pictures. Safe to use from many threads. Use it in a ``with`` statement.

    Args:
        settings: What a picture may cost, and where those that tables name may come from.
        stores: File systems.
    """

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._limit = settings.max_picture_bytes
        self._fetcher = Fetcher(settings)
        self._stores = stores
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(self._fetcher.aclose(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def load(self, place: Place) -> bytes:
        """The bytes of a picture; of one that is too large at least one more than is allowed.

        Raises:
            PictureUnreachable, PictureTooLarge: They cannot be had.
        """
        if place.store == FETCHED:
            return self._fetch(place.path).result()
        return self._stores.read(place, self._limit)

    def jobs(self, block: tuple[Picture, ...]) -> Iterator[Job]:
        """What is to be read of a block of pictures."""
        for picture in block:
            yield Job(picture.id, partial(self.load, picture.place))

    def unpack(self, archive: Archive, shard: Shard, is_done: Callable[[int], bool]) -> Iterator[Job | None]:
        """The pictures of an archive that are in a shard, with their bytes; should it break off, the last is an error.

        Args:
            archive: Which.
            shard: Whose pictures.
            is_done: Whether the picture of this number need not be read; ``None`` comes in its place.
        """
        number = 0
        try:
            with self._stores.open(archive.place) as file:
                for name, read in archives.members(file, self._limit):
                    own = f"{archive.id}/{name}"
                    if shard.has(own):
                        yield None if is_done(number) else _read_now(own, read)
                        number += 1
            return
        except PictureError as error:
            broken = error
        except (OSError, ValueError) as error:
            broken = PictureUnreachable(f"{archive.id} cannot be opened: {error}")
        if shard.has(archive.id):
            yield None if is_done(number) else Job(archive.id, partial(_refused, broken))

    def _fetch(self, name: str) -> Future[bytes]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="vultus-fetch", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._fetcher.fetch(name), self._loop)


def _read_now(own: str, read: Callable[[], bytes]) -> Job:
    content = read()
    return Job(own, partial(_given, content), len(content))


def _given(content: bytes) -> bytes:
    return content


def _refused(error: PictureError) -> bytes:
    raise error
