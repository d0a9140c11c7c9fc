"""Memory that is shared with a server on this machine: rows and outputs then need not travel.

POSIX shared memory has names, which the server opens. Each is removed as soon as it has, so that nothing is left
behind whoever is killed.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vultus.runtime.blocks import Block, Lender, mapped
from vultus.runtime.triton.protocol import Failure, Place, Transport

FOLDER = Path("/dev/shm")  # noqa: S108 - where Linux keeps POSIX shared memory
"""What a server opens by the key ``/name`` is the file ``name`` here."""

_PATIENCE = 1.0  # seconds to tell the server that memory is not used any more

logger = logging.getLogger(__name__)


class Regions(Lender):
    """Blocks that a server maps, too, for as long as it lives; lending one may raise ``Failure``, too.

    Args:
        transport: To the server.
        folder: Where POSIX shared memory is kept.
    """

    def __init__(self, transport: Transport, folder: Path = FOLDER) -> None:
        super().__init__()
        self._transport = transport
        self._folder = folder
        self._prefix = f"vultus-{os.getpid()}-{secrets.token_hex(4)}"
        self._numbers: set[int] = set()

    def place(self, block: Block, array: NDArray[Any]) -> Place:
        """Where an array within a block is."""
        return Place(self._name(block.number), array.nbytes, array.ctypes.data - block.memory.ctypes.data)

    def drop(self, block: Block) -> None:
        """Give up a block that the server may still be writing to: nobody must be lent it."""
        self._forget(block)

    def close(self) -> None:
        """Have the server let go of all."""
        with self._lock:
            numbers = list(self._numbers)
        for number in numbers:
            self._unregister(number)

    def _make(self, number: int, size: int, seconds: float | None) -> Block:
        name = self._name(number)
        path = self._folder / name
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)  # what is full says so here, and not by a signal that kills
            block = Block(number, mapped(descriptor, size))
            self._transport.register(name, f"/{name}", size, seconds)
        finally:
            os.close(descriptor)
            path.unlink()
        with self._lock:
            self._numbers.add(number)
        return block

    def _forget(self, block: Block) -> None:
        self._unregister(block.number)

    def _unregister(self, number: int) -> None:
        with self._lock:
            self._numbers.discard(number)
        try:
            self._transport.unregister(self._name(number), _PATIENCE)
        except Failure as failure:  # it keeps the memory until it ends
            logger.debug("the server was not told that it can let go of memory: %s", failure)

    def _name(self, number: int) -> str:
        return f"{self._prefix}-{number}"
