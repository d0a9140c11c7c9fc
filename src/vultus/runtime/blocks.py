"""Memory that two processes share: blocks that one of them makes, lends to its calls, and hands to the other.

A block is an anonymous file, mapped. It has no name that could be left behind: the kernel frees it when both processes
have let go of it or are gone, however they ended.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.channel import Channel

KEPT = 256 * 2**20
"""Bytes of blocks that nobody uses which are kept for the next calls: fresh memory costs more than filling it."""

_STEPS = 4  # sizes of blocks between a power of two and the next: at most a quarter of one is left over
_LEAST = 2**16
_ALIGNMENT = 64  # bytes: a cache line


@dataclass(frozen=True, slots=True)
class Shapes:
    """How the rows of a call and what they come to lie in a block: the input, then each output.

    Attributes:
        input: Shape of one row of the input, which is uint8.
        outputs: Shape and dtype of one row of each output.
    """

    input: tuple[int, ...]
    outputs: tuple[tuple[tuple[int, ...], str], ...]

    def size(self, rows: int) -> int:
        """Bytes that so many rows take, at most."""
        return sum(_aligned(rows * row) for row in self._row_sizes())

    def arrays(self, memory: NDArray[np.uint8], rows: int) -> list[NDArray[Any]]:
        """The input and the outputs of so many rows, in the memory of a block.

        Raises:
            ValueError: It is too small for them.
        """
        arrays: list[NDArray[Any]] = []
        start = 0
        for (shape, dtype), row in zip(self._parts(), self._row_sizes(), strict=True):
            arrays.append(memory[start : start + rows * row].view(dtype).reshape(rows, *shape))
            start += _aligned(rows * row)
        return arrays

    def _parts(self) -> Sequence[tuple[tuple[int, ...], str]]:
        return ((self.input, "uint8"), *self.outputs)

    def _row_sizes(self) -> list[int]:
        return [math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in self._parts()]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of shared memory.

    Attributes:
        number: Its name between the two processes.
        memory: uint8 ``(bytes,)``.
    """

    number: int
    memory: NDArray[np.uint8]


class Lender(ABC):
    """Makes blocks, lends them and keeps those that came back. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[int, list[Block]] = {}
        self._kept = 0
        self._made = 0

    def lend(self, size: int, seconds: float | None) -> Block:
        """A block of ``size`` bytes or more.

        Raises:
            OSError: There is no memory left.
        """
        size = _rounded(size)
        with self._lock:
            free = self._free.get(size)
            if free:
                self._kept -= size
                return free.pop()
            self._made += 1
            number = self._made
        return self._make(number, size, seconds)

    def take_back(self, block: Block) -> None:
        """Let the next call have a block; nobody uses it any more."""
        size = len(block.memory)
        with self._lock:
            if self._kept + size <= KEPT:
                self._kept += size
                self._free.setdefault(size, []).append(block)
                return
        self._forget(block)

    @abstractmethod
    def _make(self, number: int, size: int, seconds: float | None) -> Block:
        """A new block, of which the other side has been told."""

    @abstractmethod
    def _forget(self, block: Block) -> None:
        """Tell the other side that a block is not used any more."""


class Blocks(Lender):
    """Blocks for one connection; lending one may raise ``ConnectionError`` and ``TimeoutError``, too.

    Args:
        channel: To the process that is to know them.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def _make(self, number: int, size: int, seconds: float | None) -> Block:
        with anonymous_file(size) as descriptor:
            block = Block(number, mapped(descriptor, size))
            self._channel.send(("memory", number, size), seconds, descriptor)
        return block

    def _forget(self, block: Block) -> None:
        # Should this message get lost, the other process keeps the memory until the connection ends.
        self._channel.try_send(("forget", block.number))


@contextmanager
def anonymous_file(size: int) -> Iterator[int]:
    """Descriptor of a file in memory that has no name, of ``size`` zero bytes; open for a ``with`` block."""
    descriptor = os.memfd_create("vultus")
    try:
        os.ftruncate(descriptor, size)
        yield descriptor
    finally:
        os.close(descriptor)


def mapped(descriptor: int, size: int) -> NDArray[np.uint8]:
    """The contents of a file as an array, which is the mapping's only owner; the descriptor can be closed."""
    return np.frombuffer(mmap.mmap(descriptor, size), np.uint8)


def _rounded(size: int) -> int:
    """One of few sizes."""
    step = (1 << (max(_LEAST, size) - 1).bit_length()) // (2 * _STEPS)
    return max(_LEAST, -(-size // step) * step)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
