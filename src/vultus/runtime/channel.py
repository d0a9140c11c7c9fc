"""Messages between two processes of a server, over a Unix socket that keeps their bounds; Linux alone has all it takes.

A message is a list in MessagePack whose first item says what it is. A file can go with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import weakref
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ormsgpack

from vultus.errors import RuntimeUnavailable, VultusError

LONGEST = 2**16
"""Bytes of a message, at most."""

_BACKLOG = 256  # as many as there may be workers
_LONGEST_TEXT = 600  # bytes of an error's message: as many errors as a device answers at once fit into one of ours


class Channel:
    """One end of a connection. Safe to use from many threads; but for one thread at a time to receive.

    Args:
        end: The connected socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        # Not before: a thread that is about to send would send to whoever got the descriptor's number next.
        weakref.finalize(self, end.close)

    def send(self, message: Sequence[Any], seconds: float | None = None, descriptor: int | None = None) -> None:
        """Send a message, and a file with it.

        Args:
            message: Items that MessagePack knows.
            seconds: How long to wait for room, should the other end not take messages; ``None``: without end.
            descriptor: The file's.

        Raises:
            TimeoutError: There was no room in time.
            ConnectionError: The other end is gone.
        """
        data = [ormsgpack.packb(message)]
        # Not by socket.send_fds, which in Python 3.11 drops the flags.
        files = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
        while True:
            try:
                self._end.sendmsg(data, files, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._await_room(seconds)
            except OSError as error:
                raise ConnectionError(str(error)) from error
            else:
                return

    def try_send(self, message: Sequence[Any]) -> None:
        """Send a message if that is possible at once; else it is lost."""
        with contextlib.suppress(OSError):
            self.send(message, 0)

    def receive(self) -> tuple[list[Any], int | None] | None:
        """The next message and the file that came with it, which is then the caller's; ``None``: the other end is gone.

        Raises:
            ValueError: It cannot be read.
        """
        try:
            data, files, flags, _ = socket.recv_fds(self._end, LONGEST, 1)
        except OSError:
            return None
        if not data:
            return None
        descriptor = files[0] if files else None
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            if descriptor is not None:
                os.close(descriptor)
            raise ValueError(f"a message is longer than {LONGEST} bytes")
        message: list[Any] = ormsgpack.unpackb(data)
        return message, descriptor

    def shut(self) -> None:
        """End the connection; whoever waits to receive at either end is told."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)

    def _await_room(self, seconds: float | None) -> None:
        poll = select.poll()
        poll.register(self._end, select.POLLOUT)
        if not poll.poll(None if seconds is None else seconds * 1000):
            raise TimeoutError("the other process takes no messages")


def packed(error: VultusError) -> tuple[str, str, str | None]:
    """An error as a part of a message."""
    text = error.message.encode()[:_LONGEST_TEXT].decode(errors="ignore")
    return error.code, text, error.limit


def unpacked(code: str, message: str, limit: str | None) -> VultusError:
    """The error that ``packed`` made a part of a message."""
    kinds = [VultusError]
    for kind in kinds:  # which grows meanwhile: nearest to the root first, for some share a code with their parents
        if kind.code == code:
            return kind(message, limit=limit)
        kinds += kind.__subclasses__()
    return VultusError(message, limit=limit)


def listen(place: Path) -> socket.socket:
    """A listening socket at ``place``, in a folder that nobody else may enter.

    Raises:
        RuntimeUnavailable: This system has no such sockets.
    """
    if not hasattr(os, "memfd_create"):
        raise RuntimeUnavailable("several workers share an accelerator only on Linux; set workers to 1.")
    listener = _socket()
    with _short(place) as name:
        listener.bind(name)
    listener.listen(_BACKLOG)
    return listener


def connect(place: Path) -> Channel:
    """Connect to who listens at ``place``, or will accept connections there later.

    Raises:
        OSError: Nobody ever will.
    """
    end = _socket()
    try:
        with _short(place) as name:
            end.connect(name)
    except BaseException:
        end.close()
        raise
    return Channel(end)


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@contextlib.contextmanager
def _short(place: Path) -> Iterator[str]:
    """A name of ``place`` that fits into a socket's address, which takes 107 bytes."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)
