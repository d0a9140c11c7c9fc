"""Names of files stay below their folder; names of addresses are fetched only where that is allowed."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.imaging.sites import BODY, Site

from vultus.errors import PictureTooLarge, PictureUnreachable, RequestTooLarge
from vultus.imaging.fetch import Fetcher
from vultus.settings import Settings

pytestmark = pytest.mark.unit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    root = tmp_path / "images"
    (root / "people").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"picture a")
    (root / "people" / "ada lovelace.jpg").write_bytes(b"ada")
    return root


def fetch(name: str, headers: dict[str, str] | None = None, **settings: Any) -> bytes:
    async def once() -> bytes:
        fetcher = Fetcher(Settings(**settings))
        try:
            return await fetcher.fetch(name, headers)
        finally:
            await fetcher.aclose()

    return asyncio.run(once())


def refusal(name: str, **settings: Any) -> str:
    with pytest.raises(PictureUnreachable) as caught:
        fetch(name, **settings)
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", b"picture a"),
        ("./a.jpg", b"picture a"),
        ("people/../a.jpg", b"picture a"),
        ("people/ada lovelace.jpg", b"ada"),
    ],
)
def test_files_below_the_root(root: Path, name: str, content: bytes) -> None:
    assert fetch(name, image_root=root) == content


def test_links_that_stay_below_the_root_are_followed(root: Path) -> None:
    (root / "link.jpg").symlink_to(root / "people" / "ada lovelace.jpg")
    assert fetch("link.jpg", image_root=root) == b"ada"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert fetch("a.jpg", image_root=tmp_path / "link") == b"picture a"


def test_nothing_outside_can_be_read_or_told_from_nothing(root: Path, tmp_path: Path) -> None:
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "folder").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "pipe.jpg")
    names = [
        "missing.jpg",
        "../missing.jpg",
        "../secret.jpg",
        "people/../../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "link.jpg",
        "folder/secret.jpg",
        "loop",
        "pipe.jpg",
        "people",
        "",
        ".",
        "/etc/passwd",
        "a.jpg/b.jpg",
        "a\0.jpg",
        "x" * 5000,
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "HTTP://127.0.0.1/a.jpg",
        "httpfoo",
    ]
    assert len({refusal(name, image_root=root) for name in names}) == 1


def test_file_size_limit_is_exact(root: Path) -> None:
    assert fetch("a.jpg", image_root=root, max_picture_bytes=9) == b"picture a"
    with pytest.raises(PictureTooLarge) as caught:
        fetch("a.jpg", image_root=root, max_picture_bytes=8)
    assert caught.value.limit == "max_picture_bytes"


def test_the_bytes_of_files_are_counted_before_they_are_kept(root: Path) -> None:
    parts: list[int] = []

    async def run() -> bytes:
        return await Fetcher(Settings(image_root=root)).fetch("a.jpg", count=parts.append)

    assert asyncio.run(run()) == b"picture a"
    assert parts == [9]


def test_a_file_is_read_no_further_than_its_bytes_are_taken(root: Path) -> None:
    (root / "long.jpg").write_bytes(bytes(10**7))
    held = 0

    def count(size: int) -> None:
        nonlocal held
        held += size
        if held > 2 * 10**6:
            raise RequestTooLarge("too much")

    async def run() -> bytes:
        return await Fetcher(Settings(image_root=root)).fetch("long.jpg", count=count)

    with pytest.raises(RequestTooLarge):
        asyncio.run(run())
    assert held < 4 * 10**6


def test_all_pictures_of_the_largest_request_are_downloaded_at_once(site: Site) -> None:
    settings = Settings(fetch_urls=True, fetch_private=True)
    site.meeting = threading.Barrier(settings.max_request_pictures)

    async def run() -> list[bytes]:
        fetcher = Fetcher(settings)
        try:
            urls = [site.url("/meet")] * settings.max_request_pictures
            return await asyncio.gather(*map(fetcher.fetch, urls))
        finally:
            await fetcher.aclose()

    assert asyncio.run(run()) == [BODY] * settings.max_request_pictures


def test_files_are_switched_off_by_default(root: Path) -> None:
    assert "image_root" in refusal(str(root / "a.jpg"))
    assert "image_root" in refusal("a.jpg", fetch_urls=True)


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.jpg", "https://example.org/a.jpg"])
def test_addresses_are_switched_off_by_default(root: Path, name: str) -> None:
    assert "fetch_urls" in refusal(name)
    assert "fetch_urls" in refusal(name, image_root=root)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Key": "a\r\nHost: evil"},
        {"X-Key": "a\nb"},
        {"X-Key": "a\0b"},
        {"X-Key": "café"},
        {"X-Key\r\n": "a"},
        {"X Key": "a"},
        {"X:Key": "a"},
        {"": "a"},
        {"Ключ": "a"},
    ],
)
def test_headers_cannot_smuggle_anything(headers: dict[str, str]) -> None:
    with pytest.raises(PictureUnreachable, match="header"):
        fetch("http://127.0.0.1:9/a.jpg", headers, fetch_urls=True, fetch_private=True)


def test_private_addresses_follow_their_own_setting() -> None:
    assert "fetch_private" in refusal("http://127.0.0.1:9/a.jpg", fetch_urls=True)


def test_lists_of_schemes_and_hosts_are_settings() -> None:
    url = "http://127.0.0.1:9/a.jpg"
    assert "fetch_schemes" in refusal(url, fetch_urls=True, fetch_private=True, fetch_schemes="https")
    assert "fetch_hosts" in refusal(url, fetch_urls=True, fetch_private=True, fetch_hosts="example.org,127.0.0.2")
    assert "reached" in refusal(url, fetch_urls=True, fetch_private=True, fetch_hosts="127.0.0.1")


def test_closing_twice_and_unused_is_harmless() -> None:
    async def close() -> None:
        fetcher = Fetcher(Settings(fetch_urls=True))
        await fetcher.aclose()
        with pytest.raises(PictureUnreachable):
            await fetcher.fetch("http://127.0.0.1:9/")
        await fetcher.aclose()
        await fetcher.aclose()

    asyncio.run(close())
