from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.triton.stub import StubTransport

from vultus.runtime.triton.memory import FOLDER, Regions
from vultus.runtime.triton.protocol import Lost, Rejected

pytestmark = pytest.mark.unit


def test_the_server_can_open_what_it_is_told_of_and_afterwards_the_name_is_gone(tmp_path: Path) -> None:
    transport = StubTransport()
    seen: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = []

    def on_register(region: str, key: str, size: int) -> None:
        assert key == f"/{region}"
        path = tmp_path / region
        assert path.stat().st_mode & 0o777 == 0o600  # nobody else is to see the faces
        seen.append(np.memmap(path, np.uint8, "r+", shape=(size,)))

    transport.on_register = on_register
    block = Regions(transport, tmp_path).lend(100_000, None)
    assert list(tmp_path.iterdir()) == []
    block.memory[99_999] = 42
    assert seen[0][99_999] == 42
    seen[0][0] = 43
    assert block.memory[0] == 43


def test_the_place_of_an_array_is_told_by_region_size_and_offset(tmp_path: Path) -> None:
    transport = StubTransport()
    regions = Regions(transport, tmp_path)
    block = regions.lend(1000, None)
    (region,) = transport.regions
    assert regions.place(block, block.memory[64:164].view("<f4")) == (region, 100, 64)


def test_memory_is_lent_again_but_what_was_dropped_is_not(tmp_path: Path) -> None:
    transport = StubTransport()
    regions = Regions(transport, tmp_path)
    first = regions.lend(1000, None)
    regions.take_back(first)
    again = regions.lend(1000, None)
    assert again is first
    assert len(transport.regions) == 1
    regions.drop(again)
    assert transport.regions == {}
    assert regions.lend(1000, None) is not first


def test_when_all_is_over_the_server_is_told_of_every_region(tmp_path: Path) -> None:
    transport = StubTransport()
    regions = Regions(transport, tmp_path)
    blocks = [regions.lend(1000, None) for _ in range(3)]
    regions.take_back(blocks[0])
    assert len(transport.regions) == 3
    regions.close()
    assert transport.regions == {}


def test_two_engines_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    transport = StubTransport()
    for _ in range(2):
        Regions(transport, tmp_path).lend(1000, None)
    assert len(transport.regions) == 2


def test_a_full_folder_is_an_error_and_no_signal_that_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    transport = StubTransport()
    with pytest.raises(OSError, match="No space"):
        Regions(transport, tmp_path).lend(1000, None)
    assert transport.regions == {}
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_cannot_open_leaves_nothing_behind(tmp_path: Path) -> None:
    transport = StubTransport()

    def refuse(region: str, key: str, size: int) -> None:
        raise Rejected(f"Unable to open shared memory region: '{key}'")

    transport.on_register = refuse
    with pytest.raises(Rejected):
        Regions(transport, tmp_path).lend(1000, None)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_gone_need_not_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = StubTransport()
    regions = Regions(transport, tmp_path)
    regions.lend(1000, None)

    def fail(region: str, seconds: float | None) -> None:
        raise Lost("connection refused")

    monkeypatch.setattr(transport, "unregister", fail)
    regions.close()


def test_the_folder_is_where_linux_keeps_such_memory() -> None:
    assert FOLDER.is_dir()
