"""A front process as the device process sees it: what it has asked for, and the memory it shares."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from vultus.errors import EngineError, VultusError
from vultus.memory import without_frames
from vultus.runtime.batching import BatchingNetwork
from vultus.runtime.blocks import Shapes, mapped
from vultus.runtime.channel import Channel, packed
from vultus.runtime.ticket import Ticket
from vultus.runtime.turns import Job
from vultus.types import InputSpec

Reply: TypeAlias = tuple[int, VultusError | None, object]
"""Number of the call, what went wrong, and what else there is to say."""

_MOST_REPLIES = 64
"""In one message: as many as a batch has rows, and even as many errors fit."""

_INPUT = TypeAdapter(InputSpec)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A network that is loaded.

    Attributes:
        network: Runs it.
        shapes: Of a row.
    """

    network: BatchingNetwork
    shapes: Shapes


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A call that is under way.

    Attributes:
        network: Computes it.
        job: Its rows.
        owner: Number of the ticket.
        outputs: Where they are to be written.
    """

    network: BatchingNetwork
    job: Job
    owner: int
    outputs: tuple[NDArray[Any], ...]


class Front:
    """Takes the calls of a front process to the networks. When it goes, its rows are dropped and its memory is let go.

    Args:
        channel: To the front.
        greeting: What it is told first.
        load: Loads a network of this name, path and input.
        on_end: Told when it has gone.
    """

    def __init__(
        self,
        channel: Channel,
        greeting: tuple[object, ...],
        load: Callable[[str, str, InputSpec], Future[Served]],
        on_end: Callable[[Front], None],
    ) -> None:
        self._channel = channel
        self._greeting = greeting
        self._load = load
        self._on_end = on_end
        self._networks: dict[int, Served | VultusError] = {}
        self._memory: dict[int, NDArray[np.uint8]] = {}
        self._lock = threading.Lock()
        self._tickets: dict[int, tuple[Ticket, int]] = {}  # with the number of its calls
        self._running: dict[int, Running] = {}
        self._replies: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        for job, name in ((self._read, "calls"), (self._write, "answers")):
            threading.Thread(target=job, name=f"vultus-front-{name}", daemon=True).start()

    def cut(self) -> None:
        """End the connection."""
        self._channel.shut()

    def _read(self) -> None:
        try:
            self._channel.send(self._greeting)
            while (received := self._channel.receive()) is not None:
                (kind, *details), descriptor = received
                self._obey(kind, details, descriptor)
        except ConnectionError:
            pass
        except Exception:
            logger.exception("a front process says what makes no sense; the connection is cut")
        finally:
            self._end()

    def _obey(self, kind: str, details: list[Any], descriptor: int | None) -> None:
        match kind, descriptor:
            case "run", None:
                self._run(*details)
            case "cancel", None:
                self._cancel(*details)
            case "memory", int():
                number, size = details
                try:
                    self._memory[number] = mapped(descriptor, size)
                finally:
                    os.close(descriptor)
            case "forget", None:
                del self._memory[details[0]]
            case "load", None:
                call, number, name, path, spec = details
                loading = self._load(name, path, _INPUT.validate_python(spec))
                loading.add_done_callback(partial(self._loaded, call, number))
            case _:
                raise ValueError(f"unknown message {kind!r}")

    def _loaded(self, call: int, number: int, loading: Future[Served]) -> None:
        if loading.cancelled():
            return
        result: object = None
        error: VultusError | None = None
        try:
            served = loading.result()
            result = served.network.spec.outputs, served.shapes.outputs
            self._networks[number] = served
        except VultusError as reason:
            self._networks[number] = error = without_frames(reason)
        except Exception:
            logger.exception("a network could not be loaded")
            self._networks[number] = error = EngineError("a network could not be loaded; the device's log says why")
        self._replies.put((call, error, result))

    def _run(self, call: int, number: int, block: int, rows: int, whose: tuple[int, float | None, int, bool]) -> None:
        served = self._networks[number]
        if isinstance(served, VultusError):
            self._replies.put((call, served, None))
            return
        batch, *outputs = served.shapes.arrays(self._memory[block], rows)
        owner, deadline, priority, is_hurried = whose
        with self._lock:
            ticket, count = self._tickets.get(owner, (None, 0))
            if ticket is None:
                ticket = Ticket(deadline, priority, is_hurried=is_hurried)
            self._tickets[owner] = ticket, count + 1
            job = Job(batch, ticket, lambda error: self._replies.put((call, error, None)))
            self._running[call] = Running(served.network, job, owner, tuple(outputs))
        try:
            served.network.submit(job)
        except VultusError as error:
            self._replies.put((call, error, None))

    def _cancel(self, owner: int) -> None:
        with self._lock:
            ticket, _ = self._tickets.get(owner, (None, 0))
        if ticket is not None:
            ticket.cancel()

    def _write(self) -> None:
        try:
            while replies := self._take_replies():
                self._channel.send([self._finish(*reply) for reply in replies])
                self._leave(call for call, _, _ in replies)
        except ConnectionError:
            pass
        except Exception:
            logger.exception("a front process cannot be answered; the connection is cut")
        finally:
            self._channel.shut()  # whoever reads is told, and the front, which would wait for ever

    def _take_replies(self) -> list[Reply]:
        """What there is to say, once there is anything; nothing: the end has come."""
        replies: list[Reply] = []
        reply = self._replies.get()
        while reply is not None:
            replies.append(reply)
            if len(replies) == _MOST_REPLIES or self._replies.empty():
                return replies
            reply = self._replies.get()
        return []

    def _finish(self, call: int, error: VultusError | None, result: object) -> tuple[object, ...]:
        """A reply as a part of a message; the outputs, if there are any, are in the front's memory then."""
        with self._lock:
            running = self._running.get(call)
        if running is not None and error is None:
            try:
                running.job.write_to(running.outputs)
            except ValueError as reason:
                error = EngineError(f"{running.network.spec.name} answers in another form than at its start: {reason}")
        return call, packed(error) if error else None, result

    def _leave(self, calls: Iterable[int]) -> None:
        for call in calls:
            with self._lock:
                running = self._running.pop(call, None)
                if running is None:
                    continue
                ticket, count = self._tickets.pop(running.owner)
                if count > 1:
                    self._tickets[running.owner] = ticket, count - 1
            running.network.leave(running.job)

    def _end(self) -> None:
        with self._lock:
            calls = list(self._running)
        self._leave(calls)
        self._memory.clear()
        self._replies.put(None)
        self._channel.shut()
        self._on_end(self)
