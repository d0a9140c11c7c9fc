"""Connections to a server on loopback that says exactly what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from vultus.bench.connection import Answer, connect
from vultus.bench.requests import Address

pytestmark = pytest.mark.integration

T = TypeVar("T")
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def talk(answers: list[list[bytes]], ask: Callable[[Address], Awaitable[T]]) -> T:
    """Run ``ask`` against a server that answers each request with the next pieces, and hangs up after the last."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for pieces in answers:
            assert await reader.readexactly(len(REQUEST)) == REQUEST
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async def both() -> T:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await ask(Address.parse(f"http://127.0.0.1:{port}"))

    return asyncio.run(both())


def test_one_connection_carries_one_request_after_the_other() -> None:
    async def ask(address: Address) -> list[Any]:
        connection = await connect(address)
        return [await connection.ask(REQUEST), await connection.ask(REQUEST)]

    first = [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\nhe", b"llo"]
    second = [b"HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsor\r\n2\r\nry\r\n0\r\n\r\n"]
    assert talk([first, second], ask) == [Answer(200, b"hello"), Answer(429, b"sorry")]


def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    async def ask(address: Address) -> tuple[Answer, bool]:
        connection = await connect(address)
        answer = await connection.ask(REQUEST)
        with pytest.raises(ConnectionResetError):
            await connection.ask(REQUEST)
        return answer, connection.alive

    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    assert talk([[closing]], ask) == (Answer(200, b"ok"), False)


@pytest.mark.parametrize(
    "pieces", [[], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"], [b"no HTTP at all\r\n\r\n"]]
)
def test_an_answer_that_never_comes_whole_is_an_error(pieces: list[bytes]) -> None:
    async def ask(address: Address) -> None:
        connection = await connect(address)
        with pytest.raises(ConnectionError):
            await connection.ask(REQUEST)
        connection.close()

    talk([pieces], ask)
