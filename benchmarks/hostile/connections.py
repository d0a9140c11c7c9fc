"""Hostile connections: heads without end, endless bodies, clients that are slow, silent or deaf."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from benchmarks.hostile.endpoints import good

_GAP = 0.1  # seconds between a slow client's bytes
_POST = b"POST /v1/faces HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\n"
_NOWHERE = b"POST /nowhere HTTP/1.1\r\nHost: a\r\n"
_BAD, _LARGE, _LATE, _NONE = frozenset({400}), frozenset({431}), frozenset({408}), frozenset({0})
_CHUNK = b"10000\r\n" + b"x" * 2**16 + b"\r\n"
_END = b"\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Talk:
    """What a client does.

    Attributes:
        name: Unique.
        pieces: What it sends, until it is cut off.
        expect: Statuses of the first answer; 0: none.
        is_slow: Whether it may take as long as the server waits for slow clients.
        is_deaf: Whether it never reads.
    """

    name: str
    pieces: Callable[[], Iterable[bytes]]
    expect: frozenset[int]
    is_slow: bool = False
    is_deaf: bool = False


def _drip(first: bytes, piece: bytes = b"x") -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield first
        while True:
            time.sleep(_GAP)
            yield piece

    return pieces


def _flood(first: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield first
        while True:
            yield piece

    return pieces


def _once(*pieces: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: pieces


def talks() -> list[Talk]:
    """All of them."""
    return [*_slow(), *_endless(), *_wrong(), *_foreign()]


def _length() -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(good())


def _slow() -> list[Talk]:
    return [
        Talk("silence", _once(), _NONE, is_slow=True),
        Talk("half a request line", _once(b"POST /v1/fa"), _LATE, is_slow=True),
        Talk("slow request line", _drip(b"POST /"), _LATE, is_slow=True),
        Talk("slow header fields", _drip(_POST, b"A: b\r\n"), _LATE, is_slow=True),
        Talk("slow header value", _drip(_POST + b"A: "), _LATE, is_slow=True),
        Talk("line ends, slowly", _drip(b"\r\n", b"\r\n"), _NONE, is_slow=True),
        Talk("body of which nothing comes", _once(_POST + _length()), _LATE, is_slow=True),
        Talk("body that stops", _once(_POST + _length() + good()[:100]), _LATE, is_slow=True),
        Talk("slow body", _drip(_POST + _length()), _LATE, is_slow=True),
        Talk("slow chunked body", _drip(_POST + _CHUNKED, b"1\r\nx\r\n"), _LATE, is_slow=True),
        Talk("slow chunk size", _drip(_POST + _CHUNKED, b"0"), _LATE | _BAD, is_slow=True),
        Talk("slow body to nowhere", _drip(_NOWHERE + _length()), frozenset({404}), is_slow=True),
        Talk(
            "continuation never sent",
            _once(_POST + b"Expect: 100-continue\r\n" + _length()),
            frozenset({100}),
            is_slow=True,
        ),
        Talk(
            "thousands of answers never read",
            _flood(b"", b"GET /v1/info HTTP/1.1\r\nHost: a\r\n\r\n" * 4000),
            _NONE,
            is_slow=True,
            is_deaf=True,
        ),
    ]


def _endless() -> list[Talk]:
    return [
        Talk("endless chunked body", _flood(_POST + _CHUNKED, _CHUNK), frozenset({413}), is_slow=True),
        Talk("endless body to nowhere", _flood(_NOWHERE + _CHUNKED, _CHUNK), frozenset({404}), is_slow=True),
        Talk(
            "endless chunk extension",
            _flood(_POST + _CHUNKED + b"1;", b"x" * 2**16),
            _LARGE,
            is_slow=True,
        ),
        Talk(
            "endless trailer",
            _flood(_POST + _CHUNKED + b"0\r\n", b"A: b\r\n" * 999),
            _LATE | _BAD | _LARGE,
            is_slow=True,
        ),
        Talk("endless trailer value", _flood(_POST + _CHUNKED + b"0\r\nA: ", b"x" * 2**16), _LARGE, is_slow=True),
        Talk("endless address", _flood(b"GET /", b"x" * 2**16), _LARGE),
        Talk("endless header name", _flood(_POST, b"x" * 2**16), _LARGE),
        Talk("endless header value", _flood(_POST + b"A: ", b"x" * 2**16), _LARGE),
        Talk("endless header fields", _flood(_POST, b"A: b\r\n" * 999), _LARGE),
    ]


def _wrong() -> list[Talk]:
    return [
        Talk("101 header fields", _once(_POST + b"A: b\r\n" * 101 + b"\r\n"), _LARGE),
        Talk("header of 40 kB in pieces", _once(_POST + b"A: ", *[b"x" * 1000] * 40, b"\r\n\r\n"), _LARGE),
        Talk("two lengths", _once(_POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), _BAD),
        Talk("length and chunks", _once(_POST + b"Content-Length: 1\r\n" + _CHUNKED + b"0\r\n\r\n"), _BAD),
        Talk("negative length", _once(_POST + b"Content-Length: -1\r\n\r\n"), _BAD),
        Talk(
            "length of 10**18",
            _once(_POST + b"Content-Length: 1000000000000000000\r\n\r\nx"),
            frozenset({413}),
            is_slow=True,
        ),
        Talk("length of 10**30", _once(_POST + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\nx"), _BAD | {413}),
        Talk("chunk of 2**63", _once(_POST + _CHUNKED + b"8000000000000000\r\nx"), _BAD | _LATE | {413}, is_slow=True),
        Talk("chunk of nonsense", _once(_POST + _CHUNKED + b"zz\r\nx\r\n"), _BAD),
    ]


def _foreign() -> list[Talk]:
    return [
        Talk("TLS hello", _once(b"\x16\x03\x01\x02\0\x01" + b"\xfc" * 500), _BAD),
        Talk("HTTP/2", _once(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), _BAD),
        Talk("zero bytes", _once(b"\0" * 999), _BAD),
        Talk("zero byte in the address", _once(b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), _BAD),
        Talk("non-ASCII address", _once(b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n"), _BAD | {404}),
        Talk(
            "out of the folder",
            _once(b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            frozenset({404}),
        ),
        Talk("method of nonsense", _once(b"EVIL / HTTP/1.1\r\nHost: a\r\n\r\n"), _BAD),
        Talk(
            "upgrade to WebSocket",
            _once(b"GET /v1/faces HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"),
            frozenset({404, 405}),
        ),
    ]


def speak(talk: Talk, port: int, patience: float) -> tuple[int, float]:
    """Have the conversation.

    Args:
        talk: What to do.
        port: Of the server on 127.0.0.1.
        patience: Seconds after which the client gives up.

    Returns:
        Status of the first answer, 0 where there is none, and seconds until the server had closed the connection.

    Raises:
        TimeoutError: The server did not close it.
    """
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.0)
        answer, waiting, pieces = b"", b"", iter(talk.pieces())
        while time.monotonic() - started < patience:
            if not waiting:
                waiting = next(pieces, b"")
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                waiting = waiting[connection.send(waiting) :] if waiting else b""
            if talk.is_deaf and not _is_cut(connection):
                time.sleep(_GAP)
                continue
            try:
                data = b"" if talk.is_deaf else connection.recv(65536)
            except BlockingIOError:
                time.sleep(0.001)
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
                return status, time.monotonic() - started
            answer += data[: max(0, 4096 - len(answer))]
    raise TimeoutError(f"{talk.name}: the server kept the connection for {patience:g} s")


def _is_cut(connection: socket.socket) -> bool:
    """Whether the other side has reset the connection, told without reading."""
    return bool(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) or _tcp_state(connection) not in (1, 8)


def _tcp_state(connection: socket.socket) -> int:
    """As in the kernel's ``net/tcp_states.h``; 1: established, 8: the other side has sent its end."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
