"""Downloads from servers on loopback, which misbehave in every way a server can."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from vultus.errors import PictureTooLarge, PictureUnreachable
from vultus.imaging import download
from vultus.imaging.download import Downloader

pytestmark = pytest.mark.unit

BODY = bytes(range(256)) * 40


@dataclass
class Site:
    """A web server, what it was asked, and an event that lets its slow answers go."""

    port: int
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/picture", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        path, _, query = self.path.partition("?")
        getattr(self, f"answer_{path[1:]}")(query)

    def answer_picture(self, _: str) -> None:
        self.reply(200, BODY, {"Set-Cookie": "session=1; Path=/"})

    def answer_status(self, query: str) -> None:
        self.reply(int(query), b"no picture")

    def answer_to(self, query: str) -> None:
        self.reply(302, b"", {"Location": query})

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


@pytest.fixture
def site() -> Iterator[Site]:
    yield from serve()


@pytest.fixture
def other_site() -> Iterator[Site]:
    yield from serve()


def fetch(*urls: str, headers: dict[str, str] | None = None, **options: Any) -> bytes:
    """Download one after another over one pool; the last one's body."""
    given: dict[str, Any] = {"allow_private": True, "timeout": 30, "max_bytes": 10**6} | options

    async def run() -> bytes:
        downloader = Downloader(**given)
        try:
            for url in urls[:-1]:
                await downloader.download(url, headers or {})
            return await downloader.download(urls[-1], headers or {})
        finally:
            await downloader.aclose()

    return asyncio.run(run())


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(PictureUnreachable) as caught:
        fetch(url, **options)
    return caught.value.message


def test_body_and_headers(site: Site) -> None:
    assert fetch(site.url("/picture?size=big"), headers={"X-Key": "abc", "user-agent": "mine"}) == BODY
    path, headers = site.seen[0]
    assert path == "/picture?size=big"
    assert headers["x-key"] == "abc"
    assert headers["user-agent"] == "mine"
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert headers["accept-encoding"] == "identity"


def test_headers_of_the_connection_are_not_the_callers(site: Site) -> None:
    fetch(site.url(), headers={"Host": "internal", "Transfer-Encoding": "chunked", "content-length": "5"})
    _, headers = site.seen[0]
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert "transfer-encoding" not in headers
    assert "content-length" not in headers


def test_cookies_are_not_kept(site: Site) -> None:
    fetch(site.url(), site.url())
    assert [headers.get("cookie") for _, headers in site.seen] == [None, None]


def test_compressed_bodies_are_not_unpacked(site: Site) -> None:
    assert fetch(site.url("/packed")) == b"\x1f\x8b packed"


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 500, 503])
def test_status(site: Site, status: int) -> None:
    if status == 204:
        assert fetch(site.url("/status?204")) == b""
    else:
        assert f"HTTP status {status}" in refusal(site.url(f"/status?{status}"))
    assert len(site.seen) == 1  # no second try


def test_redirects_are_followed_five_times(site: Site) -> None:
    assert fetch(site.url("/round?4")) == BODY
    assert "redirects more than 5 times" in refusal(site.url("/round?5"))


def test_the_body_of_a_redirection_is_not_read(site: Site) -> None:
    assert fetch(site.url("/endless_redirect")) == BODY


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a", "file:///etc/passwd", "gopher://127.0.0.1/", "http://["])
def test_redirects_lead_to_http_only(site: Site, target: str) -> None:
    assert "cannot be reached" in refusal(site.url(f"/to?{target}"))


def test_a_callers_headers_do_not_follow_to_another_host(site: Site) -> None:
    site_elsewhere = site.url(host="localhost")
    fetch(site.url(f"/to?{site_elsewhere}"), headers={"X-Key": "abc", "Authorization": "Bearer abc"})
    assert [headers.get("x-key") for _, headers in site.seen] == ["abc", None]
    assert [headers.get("authorization") for _, headers in site.seen] == ["Bearer abc", None]
    site.seen.clear()
    fetch(site.url("/to?/picture"), headers={"X-Key": "abc"})
    assert [headers.get("x-key") for _, headers in site.seen] == ["abc", "abc"]


def test_a_callers_headers_do_not_follow_to_another_port(site: Site, other_site: Site) -> None:
    fetch(site.url(f"/to?{other_site.url()}"), headers={"X-Key": "abc"})
    assert "x-key" in site.seen[0][1]
    assert "x-key" not in other_site.seen[0][1]


@pytest.mark.parametrize("path", ["/chunks?10", "/picture"])
def test_size_limit_is_exact(site: Site, path: str) -> None:
    assert len(fetch(site.url(path), max_bytes=10240)) == 10240
    with pytest.raises(PictureTooLarge, match="max_picture_bytes") as caught:
        fetch(site.url(path), max_bytes=10239)
    assert caught.value.limit == "max_picture_bytes"


def test_announced_size_is_believed_before_it_is_sent(site: Site) -> None:
    with pytest.raises(PictureTooLarge):
        fetch(site.url(f"/claim?{10**9}"))


@pytest.mark.parametrize("path", ["/slow", "/claim?1000"])
def test_time_limit_covers_answer_and_body(site: Site, path: str) -> None:
    assert "0.2 seconds (fetch_timeout)" in refusal(site.url(path), timeout=0.2)


@pytest.mark.parametrize("path", ["/cut", "/garbage"])
def test_broken_answers(site: Site, path: str) -> None:
    assert "cannot be reached" in refusal(site.url(path))


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        assert "cannot be reached" in refusal(f"http://127.0.0.1:{taken.getsockname()[1]}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.jpg",
        "http://[::1",
        "http://a:99999/",
        "http://a b/",
        "http://.../",
        "http://\0/",
        "http://a/\ud800",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    assert "cannot be reached" in refusal(url)


PRIVATE = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",  # 127.0.0.1 as one number
    "0x7f.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::]",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_however_they_are_written(site: Site, host: str) -> None:
    message = refusal(site.url(host=host), allow_private=False)
    assert "fetch_private" in message
    assert host not in message
    assert not site.seen


# Names: the resolver is ours, and one loopback address plays the public internet.


Names: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Let names resolve to lists of addresses, one list for each time they are asked; the names that were asked."""

    def resolve_to(**answers: list[list[str]]) -> list[str]:
        asked: list[str] = []

        async def resolve(host: str, port: int) -> list[str]:
            asked.append(host)
            return answers[host].pop(0)

        monkeypatch.setattr(download, "_resolve", resolve)
        monkeypatch.setattr(download, "is_public", lambda address: address == "127.0.0.1")
        return asked

    return resolve_to


def test_the_checked_address_is_the_one_connected_to(site: Site, names: Names) -> None:
    asked = names(pictures=[["127.0.0.1"]])
    assert fetch(site.url(host="pictures"), allow_private=False) == BODY
    assert asked == ["pictures"]  # and no resolver would know this name a second time
    assert site.seen[0][1]["host"] == f"pictures:{site.port}"


def test_a_name_that_turns_private_is_refused(site: Site, names: Names) -> None:
    names(pictures=[["127.0.0.1"], ["10.0.0.1"]], other=[["127.0.0.1"]])
    redirected = site.url(f"/to?{site.url(host='other')}", host="pictures")
    assert fetch(redirected, allow_private=False) == BODY
    names(pictures=[["10.0.0.1"]])
    assert "fetch_private" in refusal(site.url(host="pictures"), allow_private=False)


def test_private_addresses_among_public_ones_are_passed_over(site: Site, names: Names) -> None:
    names(pictures=[["10.0.0.1", "::1", "127.0.0.1"]])
    assert fetch(site.url(host="pictures"), allow_private=False) == BODY


def test_redirects_are_checked_like_any_address(site: Site, names: Names) -> None:
    names(pictures=[["127.0.0.1"]], inside=[["192.168.0.1"]])
    message = refusal(site.url(f"/to?{site.url(host='inside')}", host="pictures"), allow_private=False)
    assert "fetch_private" in message
    assert len(site.seen) == 1


def test_the_next_address_is_tried(site: Site, names: Names) -> None:
    names(pictures=[["::1", "127.0.0.1"]])  # nobody listens at the first
    assert fetch(site.url(host="pictures")) == BODY


def test_unknown_names() -> None:
    assert "cannot be reached" in refusal("http://no-such-host.invalid/")


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would resolve names themselves, past the filter."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(site.url()) == BODY


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the name ``pictures``, which nobody has signed, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pictures -addext subjectAltName=DNS:pictures"
    subprocess.run([*command.split(), "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@pytest.fixture
def secure_site(certificate: tuple[Path, Path]) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    yield from serve(context)


def secure_url(site: Site, host: str) -> str:
    return site.url(host=host).replace("http://", "https://")


def test_certificates_are_verified_against_the_name(
    secure_site: Site, certificate: tuple[Path, Path], names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the connection is made to an address."""
    names(pictures=[["127.0.0.1"], ["127.0.0.1"]], other=[["127.0.0.1"]])
    assert "certificate" in refusal(secure_url(secure_site, "pictures"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert fetch(secure_url(secure_site, "pictures")) == BODY
    assert "certificate" in refusal(secure_url(secure_site, "other"))
    assert len(secure_site.seen) == 1


def test_tls_is_not_spoken_by_a_plain_server(site: Site) -> None:
    assert "cannot be reached" in refusal(secure_url(site, "127.0.0.1"))
