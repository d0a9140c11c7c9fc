from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest

from vultus.runtime import blocks as module
from vultus.runtime.blocks import Blocks, Shapes, anonymous_file, mapped
from vultus.runtime.channel import Channel

pytestmark = pytest.mark.unit

SHAPES = Shapes((4, 6, 3), (((5,), "<f4"), ((2, 3), "|u1"), ((), "<i8")))


@pytest.fixture
def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(ours), Channel(theirs)


def mappings() -> int:
    return Path("/proc/self/maps").read_text().count("/memfd:vultus")


def test_rows_and_outputs_lie_apart_in_a_block() -> None:
    memory = np.zeros(SHAPES.size(7), np.uint8)
    arrays = SHAPES.arrays(memory, 7)
    assert [(array.shape, array.dtype.str) for array in arrays] == [
        ((7, 4, 6, 3), "|u1"),
        ((7, 5), "<f4"),
        ((7, 2, 3), "|u1"),
        ((7,), "<i8"),
    ]
    for number, array in enumerate(arrays, 1):
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(arrays, 1))
    assert all(array.ctypes.data % 8 == 0 for array in arrays)


def test_a_block_that_is_too_small_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"reshape|size"):
        SHAPES.arrays(np.zeros(SHAPES.size(3), np.uint8), 4)


def test_what_one_process_writes_the_other_reads(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    block = Blocks(here).lend(100_000, None)
    received = there.receive()
    assert received
    (kind, number, size), descriptor = received
    assert (kind, number, size) == ("memory", block.number, len(block.memory))
    assert size >= 100_000
    assert descriptor is not None
    other = mapped(descriptor, size)
    os.close(descriptor)
    block.memory[99_999] = 42
    assert other[99_999] == 42
    other[0] = 43
    assert block.memory[0] == 43


def test_blocks_are_lent_again_and_never_twice_at_once(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    blocks = Blocks(here)
    first, second = blocks.lend(70_000, None), blocks.lend(70_000, None)
    assert first.number != second.number
    blocks.take_back(first)
    assert blocks.lend(71_000, None) is first  # about as large
    assert blocks.lend(700_000, None).number not in (first.number, second.number)
    there.shut()


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 100_000, 2**20 + 1, 3_000_000, 2**22])
def test_at_most_a_quarter_of_a_block_is_left_over(pair: tuple[Channel, Channel], size: int) -> None:
    length = len(Blocks(pair[0]).lend(size, None).memory)
    assert size <= length <= max(65_536, size * 1.25 + 4096)


def test_of_blocks_that_nobody_uses_not_all_are_kept(
    pair: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 2 * 2**20)
    here, there = pair
    blocks = Blocks(here)
    lent = [blocks.lend(2**20, None) for _ in range(5)]
    assert mappings() >= 5
    for block in lent:
        blocks.take_back(block)
    del lent, block
    told = []
    for _ in range(8):
        received = there.receive()
        assert received
        told.append(received[0][0])
        if received[1] is not None:
            os.close(received[1])
    assert told == ["memory"] * 5 + ["forget"] * 3
    assert mappings() == 2


def test_memory_that_all_have_let_go_of_is_gone() -> None:
    with anonymous_file(2**16) as descriptor:
        memory = mapped(descriptor, 2**16)
    assert mappings() == 1
    del memory
    assert mappings() == 0


def test_one_who_is_gone_gets_no_memory(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    there.shut()
    with pytest.raises(ConnectionError):
        Blocks(here).lend(1000, None)
    assert mappings() == 0
