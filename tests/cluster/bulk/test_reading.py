"""Reading pictures: files, addresses, archives; and what of them must not be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.cluster.bulk.conftest import tar

from vultus.cluster.bulk.reading import Job, Reader
from vultus.cluster.bulk.sources import Archive, Picture
from vultus.cluster.bulk.stores import FETCHED, Place, Stores
from vultus.cluster.bulk.units import Shard
from vultus.errors import CorruptArchive, PictureTooLarge, PictureUnreachable
from vultus.settings import load_settings

pytestmark = pytest.mark.unit


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"x" * int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """A server whose pictures are as long as their names say."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def reader() -> Iterator[Callable[..., Reader]]:
    """Makes readers that may fetch, of pictures of at most 1,000 bytes."""
    made: list[Reader] = []

    def make(**given: object) -> Reader:
        made.append(Reader(load_settings(fetch_urls=True, max_picture_bytes=1000, **given), Stores()))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


def everything(jobs: Iterator[Job | None]) -> list[tuple[str, bytes] | None]:
    return [None if job is None else (job.id, job.load()) for job in jobs]


def test_files_are_read_no_further_than_allowed(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    for size in (0, 1000, 5000):
        (tmp_path / "a.jpg").write_bytes(bytes(size))
        assert len(reader().load(Place("", str(tmp_path / "a.jpg")))) == min(size, 1001)


def test_addresses_are_fetched(site: str, reader: Callable[..., Reader]) -> None:
    one = reader(fetch_private=True)
    assert [len(one.load(Place(FETCHED, f"{site}/{size}"))) for size in (1, 1000)] == [1, 1000]
    with pytest.raises(PictureTooLarge):
        one.load(Place(FETCHED, f"{site}/1001"))


def test_addresses_within_the_network_are_not(site: str, reader: Callable[..., Reader]) -> None:
    with pytest.raises(PictureUnreachable, match="fetch_private"):
        reader().load(Place(FETCHED, f"{site}/1"))


def test_a_root_confines_what_a_table_names(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"in")
    (tmp_path / "b.jpg").write_bytes(b"out")
    one = reader(image_root=root)
    assert one.load(Place(FETCHED, "a.jpg")) == b"in"
    for name in ("../b.jpg", str(tmp_path / "b.jpg"), "absent.jpg", ""):
        with pytest.raises(PictureUnreachable, match="below image_root"):
            one.load(Place(FETCHED, name))


def test_a_block_gives_its_pictures_unread(tmp_path: Path, reader: Callable[..., Reader]) -> None:
    path = tmp_path / "a.jpg"
    jobs = reader().jobs((Picture("own", Place("", str(path))), Picture("b", Place("", "absent.jpg"))))
    path.write_bytes(b"late")
    first, second = jobs
    assert (first.id, first.load(), first.held) == ("own", b"late", 0)
    with pytest.raises(PictureUnreachable):
        second.load()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    path = tar(tmp_path / "t.tar", {f"{number}.jpg": b"%d" % number for number in range(5)})
    return Archive("t", Place("", str(path)), path.stat().st_size)


def test_an_archive_gives_its_pictures_with_their_bytes(archive: Archive, reader: Callable[..., Reader]) -> None:
    jobs = [job for job in reader().unpack(archive, Shard(), lambda _: False) if job]
    assert [(job.id, job.load(), job.held) for job in jobs] == [(f"t/{n}.jpg", b"%d" % n, 1) for n in range(5)]


def test_of_those_that_are_done_there_is_nothing(archive: Archive, reader: Callable[..., Reader]) -> None:
    jobs = everything(reader().unpack(archive, Shard(), lambda number: number < 3))
    assert jobs == [None, None, None, ("t/3.jpg", b"3"), ("t/4.jpg", b"4")]


def test_shards_of_an_archive_are_counted_by_themselves(archive: Archive, reader: Callable[..., Reader]) -> None:
    seen = [
        job.id
        for index in (1, 2)
        for job in reader().unpack(archive, Shard(index, 2), lambda _: False)
        if job is not None
    ]
    assert sorted(seen) == [f"t/{number}.jpg" for number in range(5)]


def test_an_archive_that_breaks_off_ends_with_an_error(archive: Archive, reader: Callable[..., Reader]) -> None:
    path = Path(archive.place.path)
    path.write_bytes(
        path.read_bytes()[: 2 * 1024 + 300]
    )  # two members of two blocks each, and a part of the third header
    first, second, third = reader().unpack(archive, Shard(), lambda _: False)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.id, second.id, third.id) == ("t/0.jpg", "t/1.jpg", "t")
    with pytest.raises(CorruptArchive):
        third.load()
    assert everything(reader().unpack(archive, Shard(), lambda _: True)) == [None] * 3


def test_of_a_broken_archive_one_shard_alone_tells(archive: Archive, reader: Callable[..., Reader]) -> None:
    Path(archive.place.path).unlink()
    told = [job for index in (1, 2, 3) for job in reader().unpack(archive, Shard(index, 3), lambda _: False)]
    assert [job and job.id for job in told] == ["t"]
    with pytest.raises(PictureUnreachable, match="t cannot be opened"):
        everything(iter(told))
