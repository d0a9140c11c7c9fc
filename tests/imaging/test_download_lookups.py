"""Names are looked up on threads of the downloader's own: a name server that hangs holds up nothing else."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.imaging.sites import BODY, Site, refusal, uncounted, with_downloader

from vultus.imaging.download import LOOKUPS_AT_ONCE, Downloader

pytestmark = pytest.mark.unit


class NameServer:
    """Answers for names that begin with ``stuck`` when it is released, for all others at once."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.begun = threading.Semaphore(0)
        self.asked = self.at_once = self.most = 0
        self._lock = threading.Lock()

    async def lookup_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=5)

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        with self._lock:
            self.asked += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        if host.startswith("stuck"):
            self.begun.release()
            self.release.wait(10)
        with self._lock:
            self.at_once -= 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.release.set()


def test_a_stuck_lookup_holds_up_neither_other_downloads_nor_other_work(site: Site, name_server: NameServer) -> None:
    async def run(downloader: Downloader) -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        stuck = asyncio.create_task(downloader.download(site.url(host="stuck"), {}, uncounted))
        await name_server.lookup_begun()
        assert await asyncio.wait_for(loop.run_in_executor(None, lambda: "other work"), 10) == "other work"
        body = await asyncio.wait_for(downloader.download(site.url(host="other"), {}, uncounted), 10)
        name_server.release.set()
        assert await stuck == BODY
        return body

    try:
        assert with_downloader(run) == BODY
    finally:
        name_server.release.set()


def test_a_lookup_is_given_up_at_the_deadline(site: Site, name_server: NameServer) -> None:
    assert "0.1 seconds (fetch_timeout)" in refusal(site.url(host="stuck"), timeout=0.1)
    assert not site.seen


def test_closing_does_not_wait_for_a_stuck_lookup(site: Site, name_server: NameServer) -> None:
    async def run(downloader: Downloader) -> None:
        stuck = asyncio.create_task(downloader.download(site.url(host="stuck"), {}, uncounted))
        await name_server.lookup_begun()
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)

    with_downloader(run)
    assert name_server.at_once == 1  # it is still under way


def test_lookups_are_bounded_and_those_given_up_in_the_queue_are_never_made(
    site: Site, name_server: NameServer
) -> None:
    async def run(downloader: Downloader) -> bytes:
        urls = [site.url(host=f"stuck{number}") for number in range(3 * LOOKUPS_AT_ONCE)]
        stuck = [asyncio.create_task(downloader.download(url, {}, uncounted)) for url in urls]
        for _ in range(LOOKUPS_AT_ONCE):
            await name_server.lookup_begun()
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        name_server.release.set()
        return await downloader.download(site.url(host="other"), {}, uncounted)

    assert with_downloader(run, connections=256) == BODY
    assert name_server.most == LOOKUPS_AT_ONCE
    assert name_server.asked == LOOKUPS_AT_ONCE + 1
