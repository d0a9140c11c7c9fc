"""Downloads from servers on loopback, which misbehave in every way a server can."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.imaging.sites import BODY, Names, Site, fetch, refusal, serve, uncounted, with_downloader

from vultus.errors import PictureTooLarge, RequestTooLarge
from vultus.imaging.download import Downloader

pytestmark = pytest.mark.unit


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


# Many at once.


def test_as_many_are_fetched_at_once_as_there_may_be_connections(site: Site) -> None:
    site.meeting = threading.Barrier(256)

    async def run(downloader: Downloader) -> list[bytes]:
        return await asyncio.gather(*(downloader.download(site.url("/meet"), {}, uncounted) for _ in range(256)))

    assert with_downloader(run, connections=256) == [BODY] * 256


def test_more_than_there_may_be_connections_take_turns_through_all_their_redirects(
    site: Site, other_site: Site
) -> None:
    async def run(downloader: Downloader) -> list[bytes]:
        ways = [site.url("/round?3"), site.url(f"/to?{other_site.url()}"), other_site.url(f"/to?{site.url()}")] * 4
        return await asyncio.gather(*(downloader.download(url, {}, uncounted) for url in ways))

    assert with_downloader(run, connections=2) == [BODY] * 12


def test_connections_of_downloads_that_were_given_up_are_free_again(site: Site) -> None:
    async def run(downloader: Downloader) -> bytes:
        stuck = [asyncio.create_task(downloader.download(site.url("/slow"), {}, uncounted)) for _ in range(8)]
        for _ in range(4):
            assert await asyncio.to_thread(site.came.acquire, timeout=30)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        return await downloader.download(site.url(), {}, uncounted)

    assert with_downloader(run, connections=4) == BODY


def test_every_part_is_counted_before_the_next_is_read(site: Site) -> None:
    parts: list[int] = []
    with_downloader(lambda downloader: downloader.download(site.url("/chunks?100"), {}, parts.append))
    assert sum(parts) == 100 * 1024
    assert len(parts) > 1


def test_a_download_ends_as_soon_as_its_bytes_are_refused(site: Site) -> None:
    held = 0

    def count(size: int) -> None:
        nonlocal held
        held += size
        if held > 10_000:
            raise RequestTooLarge("too much")

    with pytest.raises(RequestTooLarge):
        with_downloader(lambda downloader: downloader.download(site.url("/endless"), {}, count), max_bytes=10**9)


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
