"""A front process's connection to the device process, for as long as that lives: what is asked, and the answers."""

from __future__ import annotations

import math
import queue
import threading
import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vultus.errors import NotReady, OutOfMemory, VultusError
from vultus.runtime.blocks import Block, Blocks, Shapes
from vultus.runtime.channel import Channel, unpacked
from vultus.runtime.network import Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

PIECE = 4 * 2**20
"""Bytes of shared memory above which the rows of a call go in several pieces."""


_GONE = "the device process is not there; it is started again, so send the request again soon"


class DeviceGone(NotReady):
    """The device process has ended, or cannot be reached; the next one is started without being asked for."""

    @classmethod
    def now(cls) -> Self:
        """The error, with its message."""
        return cls(_GONE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A network that the device process is to load.

    Attributes:
        number: Its name between the two processes.
        name: Catalogue name.
        path: Its file.
        input: Size and normalisation of the input.
    """

    number: int
    name: str
    path: Path
    input: InputSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the device process says of a network.

    Attributes:
        outputs: Names of the graph's outputs.
        shapes: Of a row.
    """

    outputs: tuple[str, ...]
    shapes: Shapes


class Call:
    """Something the device process was asked.

    Args:
        ticket: Whose it is.
        block: The memory it takes.
        arrays: The input and the outputs in it.

    Attributes:
        answer: Where the caller waits: for an error to raise or ``None``, and the result.
        is_left: One of both processes has let go of the memory.
    """

    __slots__ = ("answer", "arrays", "block", "is_left", "ticket")

    def __init__(self, ticket: Ticket, block: Block | None = None, arrays: Sequence[NDArray[Any]] = ()) -> None:
        self.ticket = ticket
        self.block = block
        self.arrays = arrays
        self.answer: queue.SimpleQueue[tuple[VultusError | None, Any]] = queue.SimpleQueue()
        self.is_left = False


class Link:
    """A connection to one device process. Safe to use from many threads.

    Args:
        channel: To a process that has said what it is; read from here on.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._blocks = Blocks(channel)
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._numbers = count()
        self._owners: weakref.WeakKeyDictionary[Ticket, int] = weakref.WeakKeyDictionary()
        self._owner_numbers = count()  # never used twice, as an address is
        self._is_over = False
        self._thread = threading.Thread(target=self._read, name="vultus-device-answers", daemon=True)
        self._thread.start()

    def load(self, wanted: Wanted) -> Loaded:
        """Have a network loaded; takes as long as that takes.

        Raises:
            VultusError: What hindered the device process.
            DeviceGone: It ended meanwhile.
        """
        call = Call(Ticket())
        number = self._note(call)
        message = ("load", number, wanted.number, wanted.name, str(wanted.path), asdict(wanted.input))
        self._send(number, message, call.ticket)
        names, outputs = self._wait(call)
        shapes = Shapes(
            (wanted.input.height, wanted.input.width, 3), tuple((tuple(shape), dtype) for shape, dtype in outputs)
        )
        return Loaded(tuple(names), shapes)

    def run(self, number: int, shapes: Shapes, batch: Image, ticket: Ticket) -> Outputs:
        """Have rows computed.

        Raises:
            DeviceGone: The device process ended meanwhile.
            Cancelled, DeadlineExceeded: The ticket is spent.
            EngineError: The device failed.
            OutOfMemory: There is no memory to share for the rows.
        """
        calls: list[Call] = []
        owner = self._number_of(ticket)

        def cancel() -> None:
            self._channel.try_send(("cancel", owner))

        with ticket.heard_by(cancel):
            try:
                for rows in _pieces(batch, shapes):
                    calls.append(self._begin(number, shapes, rows, ticket, owner))
                if ticket.cancelled:  # maybe before there was anything to cancel
                    cancel()
                for call in calls:
                    self._wait(call)
                return _joined(calls)
            finally:
                for call in calls:
                    self._leave(call)

    def join(self) -> None:
        """Wait until the connection is over."""
        self._thread.join()

    def close(self) -> None:
        """End the connection: calls under way fail."""
        self._channel.shut()
        self._thread.join()

    def _number_of(self, ticket: Ticket) -> int:
        """What a ticket goes by between the two processes: the same for all its calls."""
        with self._lock:
            return self._owners.setdefault(ticket, next(self._owner_numbers))

    def _begin(self, number: int, shapes: Shapes, rows: Image, ticket: Ticket, owner: int) -> Call:
        try:
            block = self._blocks.lend(shapes.size(len(rows)), ticket.remaining())
        except ConnectionError:
            raise DeviceGone.now() from None
        except TimeoutError:
            ticket.check()
            raise  # unreachable: the wait ends at the ticket's deadline
        except OSError as error:
            raise OutOfMemory(f"there is no memory to share for a batch's rows ({error}); send it again") from error
        call = Call(ticket, block, shapes.arrays(block.memory, len(rows)))
        call.arrays[0][:] = rows
        try:
            name = self._note(call)
            whose = (owner, ticket.deadline, ticket.priority, ticket.is_hurried)
            self._send(name, ("run", name, number, block.number, len(rows), whose), ticket)
        except BaseException:
            self._blocks.take_back(block)
            raise
        return call

    def _note(self, call: Call) -> int:
        with self._lock:
            if self._is_over:
                raise DeviceGone.now()
            number = next(self._numbers)
            self._calls[number] = call
        return number

    def _send(self, number: int, message: Sequence[object], ticket: Ticket) -> None:
        try:
            self._channel.send(message, ticket.remaining())
        except (ConnectionError, TimeoutError) as error:
            with self._lock:
                self._calls.pop(number, None)
            ticket.check()
            raise DeviceGone.now() from error

    def _wait(self, call: Call) -> Any:  # noqa: ANN401 - as the question, so the answer
        try:
            error, result = call.answer.get(timeout=call.ticket.remaining())
        except queue.Empty:
            call.ticket.check()
            raise  # unreachable: the wait ends at the ticket's deadline
        if error is not None:
            raise error
        return result

    def _leave(self, call: Call) -> None:
        """Note that this process, or the other, has let go of a call; its memory can be used again when both have."""
        with self._lock:
            call.is_left, was_left = True, call.is_left
        if was_left and call.block is not None:
            self._blocks.take_back(call.block)

    def _read(self) -> None:
        try:
            while (received := self._channel.receive()) is not None:
                for number, error, result in received[0]:
                    with self._lock:
                        call = self._calls.pop(number)
                    call.answer.put((unpacked(*error) if error else None, result))
                    self._leave(call)
        finally:  # whatever it was, nobody may be left waiting
            with self._lock:
                self._is_over = True
                calls = list(self._calls.values())
                self._calls.clear()
            for call in calls:
                call.answer.put((DeviceGone.now(), None))
            self._channel.shut()


def _pieces(batch: Image, shapes: Shapes) -> list[Image]:
    """The rows in runs that fit into a piece of memory each, or of one row."""
    rows = max(1, PIECE // shapes.size(1))
    return np.array_split(batch, math.ceil(len(batch) / rows))


def _joined(calls: Sequence[Call]) -> Outputs:
    """What the rows of all calls came to, in arrays of the caller's own."""
    return tuple(np.concatenate(pieces) for pieces in zip(*(call.arrays[1:] for call in calls), strict=True))
