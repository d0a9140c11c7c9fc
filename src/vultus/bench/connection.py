"""One connection to a server, as light as it gets: bytes that were prepared go out, and an answer is taken apart."""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple, Protocol, cast

import httptools

from vultus.bench.requests import Address


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    content: bytes


class Asker(Protocol):
    """What sends one request after the other."""

    @property
    def alive(self) -> bool:
        """Whether another request can be sent."""
        ...

    async def ask(self, request: bytes) -> Answer:
        """Send a request and await its answer.

        Raises:
            OSError: The connection ended before that.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


async def connect(address: Address) -> Connection:
    """A new connection.

    Raises:
        OSError: There is no connection to be had.
    """
    context = ssl.create_default_context() if address.secure else None
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, address.host, address.port, ssl=context)
    return connection


class Connection(asyncio.Protocol):
    """HTTP/1.1 with one request at a time; see ``Asker``. The methods named ``on_`` are the parser's."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._waiter: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def alive(self) -> bool:
        """See ``Asker``."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """See ``Asker``."""
        if self._transport is None or not self.alive:
            raise ConnectionResetError("the connection has ended")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        """See ``Asker``."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's only behaves like one

    def data_received(self, data: bytes) -> None:
        """Take apart what came."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the answer is no HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._transport = None
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self._parts = []

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(data)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Answer(self._parser.get_status_code(), b"".join(self._parts)))

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
