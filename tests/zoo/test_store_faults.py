"""The store when its disk is full, or what it kept is no longer what it was."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vultus.errors import ModelUnavailable
from vultus.zoo.catalogue import UrlSource
from vultus.zoo.store import Store

pytestmark = pytest.mark.unit

CONTENT = bytes(range(256)) * 4000
ROOM = 100_000  # bytes


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """No file can grow beyond ``ROOM`` bytes, until what this gives is called: the kernel refuses to write more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def make_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield make_room
    make_room()


def test_a_disk_that_is_full_half_way_is_told_and_once_there_is_room_the_rest_is_fetched(
    full_disk: Callable[[], None], server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["net.onnx"] = CONTENT
    store, model = Store(cache, progress=display), make_model(CONTENT, UrlSource(server.url("net.onnx")))

    with pytest.raises(ModelUnavailable, match=r"net could not be fetched.*File too large.*has to be room") as raised:
        store.path(model)
    assert str(cache) in raised.value.message
    assert not (cache / "net.onnx").exists()

    full_disk()
    assert store.path(model).read_bytes() == CONTENT


def test_a_file_that_is_damaged_later_is_noticed_and_replaced(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["net.onnx"] = CONTENT
    store, model = Store(cache, progress=display), make_model(CONTENT, UrlSource(server.url("net.onnx")))
    path = store.path(model)
    path.write_bytes(CONTENT[:-1] + b"?")
    os.utime(path, ns=(0, 0))
    assert store.find(model) is None
    assert store.path(model).read_bytes() == CONTENT


@pytest.mark.parametrize("damaged", [b"", CONTENT[:1000], CONTENT[:-1] + b"?", CONTENT + b"?"])
def test_a_damaged_file_is_never_used_where_nothing_may_be_fetched(
    damaged: bytes, server: Any, make_model: Any, cache: Path
) -> None:
    server.files["net.onnx"] = CONTENT
    cache.mkdir()
    (cache / "net.onnx").write_bytes(damaged)
    store = Store(cache, offline=True)
    with pytest.raises(ModelUnavailable, match="offline is on"):
        store.path(make_model(CONTENT, UrlSource(server.url("net.onnx"))))
    assert (cache / "net.onnx").read_bytes() == damaged  # whoever runs it may want to look at it
    assert not server.asked


def test_a_cache_that_is_a_folder_where_a_file_should_be_is_told(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["net.onnx"] = CONTENT
    (cache / "net.onnx").mkdir(parents=True)
    with pytest.raises(ModelUnavailable):
        Store(cache, progress=display).path(make_model(CONTENT, UrlSource(server.url("net.onnx"))))
