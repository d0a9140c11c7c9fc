from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from vultus.errors import HashMismatch, ModelUnavailable
from vultus.settings import load_settings
from vultus.zoo.catalogue import Checksum, UrlSource
from vultus.zoo.store import Copy, Store

pytestmark = pytest.mark.unit

CONTENT = bytes(range(256)) * 4000  # 1 MB: many chunks


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/") + ".onnx", content)
    return buffer.getvalue()


def files_in(folder: Path) -> list[str]:
    """What is there for good; the lock is no network file."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.exists() else []


def test_a_missing_file_is_fetched_once_and_then_found(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["net.onnx"] = CONTENT
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")))
    store = Store(cache, progress=display)

    assert store.find(model) is None
    path = store.path(model)

    assert path == cache / "net.onnx"
    assert path.read_bytes() == CONTENT
    assert store.path(model) == Store(cache, offline=True).path(model) == path
    assert len(server.asked) == 1
    assert display.labels == ["net.onnx"]
    assert display.reports[-1] == (len(CONTENT), len(CONTENT))
    assert files_in(cache) == ["net.onnx"]


def test_a_later_process_goes_on_where_an_earlier_was_interrupted(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["net.onnx"] = CONTENT
    server.cuts = [300_000, 0]  # the connection drops, and drops again at once
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")))
    with pytest.raises(ModelUnavailable):
        Store(cache, progress=display).path(model)
    (part,) = cache.glob("*.part")
    kept = part.stat().st_size
    assert 0 < kept <= 300_000

    path = Store(cache, progress=display).path(model)

    assert path.read_bytes() == CONTENT
    assert server.asked[-1] == ("/net.onnx", f"bytes={kept}-")
    assert files_in(cache) == ["net.onnx"]


def test_a_source_may_send_on_to_another_address(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["store/net.onnx"] = CONTENT
    server.moved = {"/net.onnx": server.url("store/net.onnx")}
    server.cuts = [300_000]  # and what has come is kept over the next redirect
    path = Store(cache, progress=display).path(make_model(CONTENT, UrlSource(server.url("net.onnx"))))
    assert path.read_bytes() == CONTENT
    assert [(name, bool(start)) for name, start in server.asked] == [
        ("/net.onnx", False),
        ("/store/net.onnx", False),
        ("/net.onnx", True),
        ("/store/net.onnx", True),
    ]
    assert {total for _, total in display.reports} == {len(CONTENT)}


def test_a_wrong_file_is_fetched_exactly_twice_and_nothing_is_kept(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["net.onnx"] = b"something else"
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")), UrlSource(server.url("other.onnx")))

    with pytest.raises(HashMismatch) as raised:
        Store(cache, progress=display).path(model)

    assert server.asked == [("/net.onnx", None)] * 2
    for part in ("net.onnx", model.sha256, hashlib.sha256(b"something else").hexdigest()):
        assert part in raised.value.message
    assert files_in(cache) == []


def test_a_damaged_download_is_made_good_by_the_second(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["net.onnx"] = CONTENT
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")))
    cache.mkdir()
    url_hash = hashlib.sha256(server.url("net.onnx").encode()).hexdigest()[:16]
    (cache / f".{url_hash}.part").write_bytes(b"x" * 1000)  # left by somebody else's download

    assert Store(cache, progress=display).path(model).read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == ["bytes=1000-", None]


def test_sources_are_tried_in_order(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["good.onnx"] = CONTENT
    model = make_model(CONTENT, *(UrlSource(server.url(f"{name}.onnx")) for name in ("gone", "good", "never")))

    assert Store(cache, progress=display).path(model).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/gone.onnx", "/good.onnx"]


def test_when_no_source_answers_each_is_named_with_its_reason(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["other.zip"] = zipped(other=b"")
    server.files["broken.zip"] = b"<html>Please log in</html>"
    model = make_model(
        CONTENT,
        UrlSource(server.url("gone.onnx?token=secret")),
        UrlSource("http://user:secret@127.0.0.1:9/net.onnx"),
        UrlSource(server.url("other.zip"), "net.onnx"),
        UrlSource(server.url("broken.zip"), "net.onnx"),
    )

    with pytest.raises(ModelUnavailable) as raised:
        Store(cache, [cache.parent / "here"], progress=display).path(model)

    message = raised.value.message
    assert f"{server.url('gone.onnx')}: 404" in message
    assert "http://127.0.0.1:9/net.onnx: Failed to establish a new connection" in message
    assert "other.zip (net.onnx): the archive has no files called net.onnx" in message
    assert "broken.zip (net.onnx): what came is not a whole zip archive" in message
    assert str(cache.parent / "here") in message
    assert "VULTUS_MODEL_PATH" in message
    assert "vultus models pull" in message
    assert "secret" not in message
    assert files_in(cache) == []


def test_an_entry_without_sources_says_so(make_model: Any, cache: Path) -> None:
    with pytest.raises(ModelUnavailable, match="names no sources"):
        Store(cache).path(make_model(CONTENT))


@pytest.mark.parametrize("member", ["net.onnx", "pack/net.onnx"])
@pytest.mark.parametrize("stored_as", ["net", "pack__net"])
def test_a_member_is_taken_out_of_an_archive_wherever_it_is_nested(
    server: Any, make_model: Any, cache: Path, display: Any, member: str, stored_as: str
) -> None:
    server.files["pack.zip"] = zipped(**{stored_as: CONTENT, "else": b"no"})
    model = make_model(CONTENT, UrlSource(server.url("pack.zip"), member))

    assert Store(cache, progress=display).path(model).read_bytes() == CONTENT
    assert files_in(cache) == ["net.onnx"]


def test_an_archive_is_fetched_once_for_all_networks_in_it(
    server: Any, make_model: Any, cache: Path, display: Any
) -> None:
    server.files["pack.zip"] = zipped(a=b"first", b=b"second", c=b"wrong")
    server.files["c.onnx"] = b"third"
    source = server.url("pack.zip")
    models = [
        make_model(b"first", UrlSource(source, "a.onnx"), name="a"),
        make_model(b"second", UrlSource(server.url("gone.zip"), "b.onnx"), UrlSource(source, "b.onnx"), name="b"),
        make_model(b"third", UrlSource(server.url("c.onnx")), UrlSource(source, "c.onnx"), name="c"),
    ]

    paths = Store(cache, progress=display).paths(models)

    assert [path.read_bytes() for path in paths] == [b"first", b"second", b"third"]
    assert [path for path, _ in server.asked] == ["/pack.zip", "/c.onnx"]
    assert files_in(cache) == ["a.onnx", "b.onnx", "c.onnx"]


@pytest.mark.parametrize("called", ["net.onnx", "upstream.onnx", "nickname.onnx"])
def test_folders_are_searched_before_the_cache_under_every_name(
    make_model: Any, tmp_path: Path, cache: Path, called: str
) -> None:
    model = make_model(CONTENT, file="upstream.onnx", aliases=("nickname",))
    empty, full = tmp_path / "empty", tmp_path / "full"
    for folder in (empty, full, cache):
        folder.mkdir()
    (full / called).write_bytes(CONTENT)
    (cache / "upstream.onnx").write_bytes(CONTENT)

    assert Store(cache, [tmp_path / "absent", empty, full]).path(model) == full / called


def test_a_wrong_file_in_a_folder_is_passed_over_and_named_once(
    make_model: Any, tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_model(CONTENT)
    cache.mkdir()
    (tmp_path / "net.onnx").write_bytes(b"not it")
    (cache / "net.onnx").write_bytes(CONTENT)
    store = Store(cache, [tmp_path])

    with caplog.at_level(logging.WARNING):
        assert store.path(model) == store.path(model) == cache / "net.onnx"

    (record,) = caplog.records
    for part in (str(tmp_path / "net.onnx"), hashlib.sha256(b"not it").hexdigest(), model.sha256):
        assert part in record.getMessage()


def test_a_damaged_file_in_the_cache_is_replaced(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["net.onnx"] = CONTENT
    cache.mkdir()
    (cache / "net.onnx").write_bytes(CONTENT[:-1])

    path = Store(cache, progress=display).path(make_model(CONTENT, UrlSource(server.url("net.onnx"))))

    assert path.read_bytes() == CONTENT


def test_a_file_is_hashed_once_a_process_unless_it_changes(
    make_model: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(CONTENT)
    cache.mkdir()
    path = cache / "net.onnx"
    path.write_bytes(CONTENT)
    digest = Mock(side_effect=hashlib.file_digest)
    monkeypatch.setattr(hashlib, "file_digest", digest)
    store = Store(cache)

    assert store.path(model) == store.path(model) == path
    assert digest.call_count == 1
    os.utime(path, ns=(0, 0))
    assert store.path(model) == path
    assert digest.call_count == 2
    path.write_bytes(b"tampered")
    assert store.find(model) is None


def test_offline_says_where_it_looked_and_what_to_do(server: Any, make_model: Any, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not it")
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")))

    with pytest.raises(ModelUnavailable) as raised:
        Store(cache, [tmp_path], offline=True).path(model)

    for part in ("net is not in", str(tmp_path / "net.onnx"), str(cache), "offline is on", "VULTUS_MODEL_PATH"):
        assert part in raised.value.message
    assert server.asked == []
    assert not cache.exists()


def test_a_cache_that_holds_the_file_is_never_written(make_model: Any, cache: Path) -> None:
    model = make_model(CONTENT)
    cache.mkdir()
    (cache / "net.onnx").write_bytes(CONTENT)
    cache.chmod(0o555)
    before = cache.stat().st_mtime_ns
    try:
        assert Store(cache).path(model) == cache / "net.onnx"
    finally:
        cache.chmod(0o755)
    assert [path.name for path in cache.iterdir()] == ["net.onnx"]
    assert cache.stat().st_mtime_ns == before


def test_a_cache_that_cannot_be_made_is_named(make_model: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = tmp_path / "file" / "cache"  # below a file there can be no folder, for no user

    with pytest.raises(ModelUnavailable, match="VULTUS_MODEL_CACHE") as raised:
        Store(cache).path(make_model(CONTENT))
    assert str(cache) in raised.value.message


def test_a_disk_without_room_is_not_blamed_on_the_caches_permissions(
    server: Any, make_model: Any, cache: Path, display: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["pack.zip"] = zipped(net=CONTENT)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(cache / ".net.onnx.tmp"))
    monkeypatch.setattr("vultus.zoo.store.extract", Mock(side_effect=full))

    with pytest.raises(ModelUnavailable, match=r"net could not be fetched.*No space left") as raised:
        Store(cache, progress=display).path(make_model(CONTENT, UrlSource(server.url("pack.zip"), "net.onnx")))

    assert str(cache) in raised.value.message
    assert "VULTUS_MODEL_CACHE" not in raised.value.message


def test_threads_that_start_at_once_fetch_once(server: Any, make_model: Any, cache: Path, display: Any) -> None:
    server.files["net.onnx"] = CONTENT
    model = make_model(CONTENT, UrlSource(server.url("net.onnx")))
    start = threading.Barrier(4)

    def fetch(_: int) -> bytes:
        store = Store(cache, progress=display)
        start.wait()
        return store.path(model).read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fetch, range(4))) == [CONTENT] * 4
    assert len(server.asked) == 1


def test_copies_are_hashed_anew_and_told_apart(make_model: Any, tmp_path: Path, cache: Path) -> None:
    model = make_model(b"right")
    cache.mkdir()
    (cache / "net.onnx").write_bytes(b"right")
    (tmp_path / "net.onnx").write_bytes(b"wrong")

    assert Store(cache, [tmp_path]).copies(model) == [
        Copy(tmp_path / "net.onnx", Checksum("sha256", hashlib.sha256(b"wrong").hexdigest()), model.checksum),
        Copy(cache / "net.onnx", model.checksum, model.checksum),
    ]


def test_presence_is_told_by_length_alone(make_model: Any, tmp_path: Path, cache: Path) -> None:
    model = make_model(b"right")
    store = Store(cache, [tmp_path])
    assert store.present(model) is None
    (tmp_path / "net.onnx").write_bytes(b"longer")
    assert store.present(model) is None
    (tmp_path / "net.onnx").write_bytes(b"wrong")
    assert store.present(model) == tmp_path / "net.onnx"


def test_settings_describe_a_store(tmp_path: Path) -> None:
    store = Store.from_settings(load_settings(model_cache=tmp_path, model_path=(tmp_path / "a",), offline=True))
    assert (store.cache, store.model_path, store.offline) == (tmp_path, (tmp_path / "a",), True)


@pytest.mark.parametrize("name", ["net", "alias", "known-as"])
def test_files_of_insightface_rest_are_found_where_it_keeps_them(
    make_model: Any, cache: Path, tmp_path: Path, name: str
) -> None:
    model = make_model(CONTENT, aliases=("alias",), local_names=("known-as",))
    theirs = tmp_path / "models" / "onnx" / name / f"{name}.onnx"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT)
    store = Store(cache, [tmp_path / "models"], offline=True)
    assert store.path(model) == store.present(model) == theirs
    (tmp_path / "models" / "net.onnx").write_bytes(CONTENT)
    assert store.path(model) == tmp_path / "models" / "net.onnx"
