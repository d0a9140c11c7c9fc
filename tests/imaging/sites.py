"""A server on loopback that misbehaves in every way a server can, and downloads from it."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias, TypeVar

import pytest

from vultus.errors import PictureUnreachable
from vultus.imaging.download import Downloader

BODY = bytes(range(256)) * 40


T = TypeVar("T")

Names: TypeAlias = Callable[..., list[str]]
"""Lets names resolve to lists of addresses; see the fixture ``names``."""


@dataclass
class Site:
    """A web server, what it was asked, how to wait for that, what lets its slow answers go, and its meetings'
    number of guests.
    """

    port: int
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))

    def url(self, path: str = "/picture", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.site.came.release()
        path, _, query = self.path.partition("?")
        getattr(self, f"answer_{path[1:]}")(query)

    def answer_picture(self, _: str) -> None:
        self.reply(200, BODY, {"Set-Cookie": "session=1; Path=/"})

    def answer_status(self, query: str) -> None:
        self.reply(int(query), b"no picture")

    def answer_to(self, query: str) -> None:
        self.reply(302, b"", {"Location": query})

    def answer_hex(self, query: str) -> None:
        """Redirect to what no query could hold."""
        self.reply(302, b"", {"Location": bytes.fromhex(query).decode("latin-1")})

    def answer_round(self, query: str) -> None:
        self.reply(302, b"", {"Location": f"/round?{int(query) - 1}" if int(query) else "/picture"})

    def answer_chunks(self, query: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(query)):
            self.wfile.write(b"400\r\n" + bytes(1024) + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def answer_claim(self, query: str) -> None:
        """Announce a size, send nothing."""
        self.send_response(200)
        self.send_header("Content-Length", query)
        self.end_headers()
        self.wfile.flush()
        self.site.release.wait(60)

    def answer_endless_redirect(self, query: str) -> None:
        self.send_response(302)
        self.send_header("Location", "/picture")
        self.send_header("Content-Length", str(10**12))
        self.end_headers()
        self.wfile.write(bytes(4096))
        self.wfile.flush()
        self.site.release.wait(60)

    def answer_slow(self, _: str) -> None:
        self.site.release.wait(60)

    def answer_meet(self, _: str) -> None:
        """Answer once as many ask as are expected."""
        self.site.meeting.wait(60)
        self.reply(200, BODY)

    def answer_endless(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while True:  # the client hangs up
            self.wfile.write(bytes(1024))

    def answer_cut(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True

    def answer_garbage(self, _: str) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.close_connection = True

    def answer_packed(self, _: str) -> None:
        self.reply(200, b"\x1f\x8b packed", {"Content-Encoding": "gzip"})

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512  # connections nobody has accepted yet

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what is tested."""


def serve(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    class SiteHandler(Handler):
        pass

    with Server(("127.0.0.1", 0), SiteHandler) as server:
        SiteHandler.site = site = Site(server.server_port)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        site.release.set()
        server.shutdown()
        thread.join()


def fetch(*urls: str, headers: dict[str, str] | None = None, **options: Any) -> bytes:
    """Download one after another over one pool; the last one's body."""

    async def run(downloader: Downloader) -> bytes:
        for url in urls[:-1]:
            await downloader.download(url, headers or {}, uncounted)
        return await downloader.download(urls[-1], headers or {}, uncounted)

    return with_downloader(run, **options)


def with_downloader(work: Callable[[Downloader], Coroutine[Any, Any, T]], **options: Any) -> T:
    given: dict[str, Any] = {"allow_private": True, "timeout": 30, "max_bytes": 10**6, "connections": 64} | options

    async def run() -> T:
        downloader = Downloader(**given)
        try:
            return await work(downloader)
        finally:
            await downloader.aclose()

    return asyncio.run(run())


def uncounted(_: int) -> None:
    pass


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(PictureUnreachable) as caught:
        fetch(url, **options)
    return caught.value.message
